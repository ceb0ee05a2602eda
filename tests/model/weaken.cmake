# Copies FROM to TO with the text FIND replaced by REPLACE; @@ in them is a new line. When FIND is
# no longer there the copy is not weakened, and the twin's test fails because the twin does not.
string(REPLACE "@@" "\n" FIND "${FIND}")
string(REPLACE "@@" "\n" REPLACE "${REPLACE}")
file(READ "${FROM}" text)
string(FIND "${text}" "${FIND}" at)
if(at EQUAL -1)
  message("weaken.cmake: ${FROM} no longer contains: ${FIND}")
endif()
string(REPLACE "${FIND}" "${REPLACE}" text "${text}")
file(WRITE "${TO}" "${text}")
