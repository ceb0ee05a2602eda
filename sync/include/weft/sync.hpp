// All of weft's synchronisation: for what each is, see its own header.
#pragma once

#include "weft/barrier.hpp"
#include "weft/condition_variable.hpp"
#include "weft/error_group.hpp"
#include "weft/latch.hpp"
#include "weft/mutex.hpp"
#include "weft/once.hpp"
#include "weft/pool.hpp"
#include "weft/semaphore.hpp"
#include "weft/shared_mutex.hpp"
#include "weft/single_flight.hpp"
#include "weft/wait_group.hpp"
