// The Unicode normalization forms, at the version (9) that the reference implementation has.
// Text that is in its form already, as nearly all text is, is recognised in one pass and left
// alone. Pure functions over constant tables; any thread.
#ifndef INGOT_TEXT_TOKEN_NORMAL_FORMS_H_
#define INGOT_TEXT_TOKEN_NORMAL_FORMS_H_

#include "text/token/normal_text.h"

namespace ingot::text {

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

void ToNormalForm(NormalForm form, NormalText& text);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_NORMAL_FORMS_H_
