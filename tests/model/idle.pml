/* May an M sleep, must a submitter wake one: runtime/scheduler/scheduler.cpp and state/idle.hpp.
 *
 * Ms look for work in the global queue, go idle and sleep on their notes; submitters push to it and
 * wake (make_runnable_from_outside). Sysmon is absent. A fiber may never come back from its M. At
 * rest no work may be left beside an idle P.
 *
 * Memory is x86's: the queue's length is written by a plain store under its lock, so it goes
 * through a store buffer of one entry per submitter (`held`), which `flusher` empties at any time.
 * Ms' own writes to the words of this protocol are read-modify-writes, but the store of p->idle is
 * under the guard and only read there.
 * NO_IDLE_FENCE is a machine or compiler whose idle_count RMW does not order a later load: the scan
 * moves before the push on the list. There full_fence() is what keeps the order.
 *
 * Twins: NO_SUBMIT_FENCE  full_fence() of make_runnable_from_outside
 *        NO_IDLE_FENCE    full_fence() of go_idle
 *        NO_FOUND_FENCE   the same after found_work() has lowered the count
 *        PHANTOM_SPINNER  the look of wake_helper() after it woke nobody
 *        NO_SECOND_LOOK   the look after the P is on the idle list
 */
#define MS 2
#define SUBMITTERS 2

byte queued;               /* sched.global.size_, as memory has it */
byte held[SUBMITTERS];     /* in the store buffer: one more */
byte work;                 /* what has really been pushed and not taken, by the lock's order */
bool queue_guard;
bool guard;                /* idle.guard */
byte idle_count;
byte spinning;
bool is_idle[MS];
bool m_spinning[MS];
bool note[MS];             /* signalled */
bool timer_fired;

#define lock(l) atomic { !l -> l = true }
#define unlock(l) l = false

/* wake_helper() */
inline wake_helper() {
  do
  :: atomic {
       if
       :: spinning != 0 -> break       /* the CAS fails: somebody looks already */
       :: else -> spinning = 1
       fi
     }
     lock(guard);
     atomic {                           /* idle.pop(); m->spinning = true, under the guard */
       victim = MS;
       if
       :: is_idle[0] -> victim = 0
       :: is_idle[1] -> victim = 1
       :: else
       fi;
       if
       :: victim < MS -> is_idle[victim] = false; idle_count--; m_spinning[victim] = true
       :: else
       fi
     }
     unlock(guard);
     if
     :: victim < MS -> note[victim] = true; break   /* m->sleep.wake() */
     :: else
     fi;
     spinning--;                        /* fetch_sub; full_fence() */
#ifdef PHANTOM_SPINNER
     break;
#endif
     if
     :: queued == 0 -> break
     :: else
     fi;
     if
     :: idle_count == 0 -> break
     :: else
     fi
  od
}

proctype submitter(byte me) {
  byte victim;
  /* sched.global.push(g): the lock's RMW drains the buffer, its release and size_ stay in it. The
     lock is handed on only when they have reached memory. */
  lock(queue_guard);
  atomic { held[me] = 1; work++ }
#ifndef NO_SUBMIT_FENCE
  held[me] == 0;                        /* full_fence() */
#endif
  if
  :: idle_count == 0 -> goto done
  :: else
  fi;
  if
  :: spinning != 0 -> goto done
  :: else
  fi;
  wake_helper();
done: skip
}

/* Store buffers reach memory at any moment; the queue's lock word after its length. */
active proctype flusher() {
  byte i;
end:
  do
  :: atomic { held[0] == 1 -> held[0] = 0; queued++; queue_guard = false }
  :: atomic { held[1] == 1 -> held[1] = 0; queued++; queue_guard = false }
  od
}

/* take_global() */
inline take() {
  got = false;
  if
  :: queued == 0
  :: else ->
     lock(queue_guard);
     atomic {
       if
       :: queued > 0 -> queued--; work--; got = true
       :: else
       fi
     }
     unlock(queue_guard)
  fi
}

proctype M(byte me) {
  byte victim;
  bool got, was_spinning, seen, still, last;
look:
  take();
  if
  :: got -> goto found
  :: else
  fi;
  /* spin(): at most half of the busy ones spin */
  if
  :: m_spinning[me]
  :: !m_spinning[me] && 2 * spinning < (idle_count < MS -> MS - idle_count : 1) ->
     m_spinning[me] = true;
     spinning++;
     take();
     if
     :: got -> goto found
     :: else
     fi
  :: else
  fi;
  /* go_idle() */
#ifdef NO_IDLE_FENCE
  seen = queued > 0;
#endif
  lock(guard);
  if
  :: queued > 0 -> unlock(guard); goto look
  :: else
  fi;
  atomic {
    is_idle[me] = true;
    idle_count++;
    was_spinning = m_spinning[me];
    m_spinning[me] = false
  }
  unlock(guard);
  if
  :: was_spinning -> spinning--
  :: else
  fi;
#ifndef NO_IDLE_FENCE
  seen = queued > 0;
#endif
#ifdef NO_SECOND_LOOK
  seen = false;
#endif
  if
  :: seen ->
     lock(guard);
     atomic {
       still = is_idle[me];
       if
       :: still -> is_idle[me] = false; idle_count--
       :: else
       fi
     }
     unlock(guard);
     if
     :: still -> m_spinning[me] = true; spinning++; goto look
     :: else
     fi
  :: else
  fi;
  /* sleep_idle(): woken, or a timer's time has come (once, by M 0) */
end:
  if
  :: atomic { note[me] -> note[me] = false }
  :: atomic { me == 0 && !timer_fired -> timer_fired = true }
  fi;
  lock(guard);
  atomic {
    if
    :: is_idle[me] -> is_idle[me] = false; idle_count--
    :: else
    fi
  }
  unlock(guard);
  goto look;
found:
  /* found_work() */
  if
  :: m_spinning[me] ->
     m_spinning[me] = false;
#ifdef NO_FOUND_FENCE
     seen = idle_count > 0 && queued > 0;
#endif
     atomic { spinning--; last = spinning == 0 }
#ifndef NO_FOUND_FENCE
     seen = idle_count > 0 && queued > 0;
#endif
     if
     :: last && seen -> wake_helper()
     :: else
     fi
  :: else
  fi;
  /* The fiber that was found comes back to the scheduler, or (on M 1) computes for ever. */
  if
  :: goto look
  :: me == 1 -> goto busy
  fi;
busy:
end_busy:
  false
}

init {
  atomic { run M(0); run M(1); run submitter(0); run submitter(1) }
  /* At rest: everything submitted, all asleep. Spin's check for invalid end states cannot see lost
     work, since sleeping is a proper end: this process sees it. */
  timeout;
  assert(work == 0 || idle_count == 0);
  assert(spinning == 0)
}
