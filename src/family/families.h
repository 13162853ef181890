// The tables that registry.cc lists. Internal to the room.
#ifndef INGOT_FAMILY_FAMILIES_H_
#define INGOT_FAMILY_FAMILIES_H_

#include "family/family.h"

namespace ingot::family {

extern const Family kLlama;
extern const Family kQwen3;
extern const Family kQwen3Moe;
extern const Family kQwen35;
extern const Family kGemma3;
extern const Family kGemma4;
extern const Family kGlm4MoeLite;
extern const Family kLaguna;
extern const Family kNemotronH;
extern const Family kCohere2Moe;
extern const Family kGlimmer;
extern const Family kGptOss;
extern const Family kBert;
extern const Family kNomicBert;
extern const Family kDrafts;

}  // namespace ingot::family

#endif  // INGOT_FAMILY_FAMILIES_H_
