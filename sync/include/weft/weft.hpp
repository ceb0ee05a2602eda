// All of weft.
#pragma once

#include "weft/channel.hpp"
#include "weft/clock.hpp"
#include "weft/context.hpp"
#include "weft/debug.hpp"
#include "weft/fiber_local.hpp"
#include "weft/go.hpp"
#include "weft/runtime.hpp"
#include "weft/select.hpp"
#include "weft/sync.hpp"
#include "weft/time.hpp"
#include "weft/version.hpp"
