// A Modelfile as text: the other direction of ParseModelfile. Pure.
#ifndef INGOT_IMPORT_MODELFILE_TEXT_H_
#define INGOT_IMPORT_MODELFILE_TEXT_H_

#include <string>

#include "core/status.h"
#include "import/modelfile.h"

namespace ingot::import {

// Text that ParseModelfile reads back as the same. Fails, naming the command, on a value that no
// quotes can hold: one with a line that ends in three of them.
core::Result<std::string> ModelfileText(const Modelfile& modelfile);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_MODELFILE_TEXT_H_
