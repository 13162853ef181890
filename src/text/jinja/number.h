// Numbers as Python reads and writes them. Pure functions.
#ifndef INGOT_TEXT_JINJA_NUMBER_H_
#define INGOT_TEXT_JINJA_NUMBER_H_

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace ingot::text::jinja {

// base 2, 8, 10 or 16, two's sign as "-".
std::string IntText(Int value, int base = 10, bool upper = false);
// repr(float): the shortest digits that read back the same, "1e+16", "inf".
std::string FloatText(double value);

// int(text, base): surrounding space, a sign, single underscores between digits, and a prefix such
// as 0x where the base is its own or 0 are allowed. nullopt: no such number, or none that fits.
std::optional<Int> ParseInt(std::string_view text, int base = 10);
// float(text): the same freedoms, and inf and nan.
std::optional<double> ParseReal(std::string_view text);

// int(value) of a finite float that fits.
std::optional<Int> Truncate(double value);
// round(value, digits): exact decimal rounding, halves to even.
double RoundReal(double value, int digits);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_NUMBER_H_
