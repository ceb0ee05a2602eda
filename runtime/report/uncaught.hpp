// The reports of an exception that leaves a detached fiber, and of std::terminate() in a fiber.
#pragma once

namespace weft::detail {

void install_terminate_report() noexcept;
void remove_terminate_report() noexcept;

}  // namespace weft::detail
