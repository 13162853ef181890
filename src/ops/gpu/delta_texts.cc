#include "ops/gpu/delta_texts.h"

namespace ingot::ops::gpu {
namespace {

constexpr const char* kRecurrent = R"(
  constexpr int kPart = (Dk + 31) / 32;
  int lane = $thread_x;
  int row = $group_y * Rows + $thread_y;
  int batch = $group_z / Hv;
  int head = $group_z % Hv;
  int key_head = head / (Hv / Hk);
  int steps = q_shape[1];
  if (row < Dv) {
    long start = (long($group_z) * Dv + row) * Dk;
    float s[kPart];
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      s[j] = i < Dk ? float(state[start + i]) : 0.0f;
    }
    for (int t = 0; t < steps; ++t) {
      long step = long(batch) * steps + t;
      long from = (step * Hk + key_head) * Dk;
      long at = step * Hv + head;
      float kept = float(decay[at]);
      float key[kPart];
      float recalled = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        key[j] = i < Dk ? float(k[from + i]) : 0.0f;
        s[j] *= kept;
        recalled += s[j] * key[j];
      }
      recalled = ingot_sum(recalled);
      float correction = (float(v[at * Dv + row]) - recalled) * float(beta[at]);
      float answer = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        s[j] += correction * key[j];
        answer += s[j] * (i < Dk ? float(q[from + i]) : 0.0f);
      }
      answer = ingot_sum(answer);
      if (lane == 0) y[at * Dv + row] = T(answer);
      if (Every > 0 && (t + 1) % (Every > 0 ? Every : 1) == 0) {
        long kept_states = steps / (Every > 0 ? Every : 1);
        long which = long(batch) * kept_states + (t + 1) / (Every > 0 ? Every : 1) - 1;
        for (int j = 0; j < kPart; ++j) {
          int i = lane + 32 * j;
          if (i < Dk) between[((which * Hv + head) * Dv + row) * Dk + i] = StateT(s[j]);
        }
      }
    }
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      if (i < Dk) state_out[start + i] = StateT(s[j]);
    }
  }
)";

// Let S be the state before a chunk, G[t][i] the product of the decays after step i up to step t,
// b_t that of all up to t. Then step t corrects by
//   d_t = beta_t (v_t - b_t S k_t - sum over i < t of G[t][i] (k_i . k_t) d_i),
// answers y_t = b_t S q_t + sum over i <= t of G[t][i] (k_i . q_t) d_i, and leaves
//   b_last S + sum of G[last][i] d_i k_i.
// So the state is read and written once a chunk, and a row's 16 products with keys and 16 with
// queries are summed over the warp together: lane l ends with product l.
constexpr const char* kChunked = R"(
  constexpr int kPart = (Dk + 31) / 32;
  $shared float keys[Chunk][Dk];
  $shared float queries[Chunk][Dk];
  $shared float on_keys[Chunk][Chunk];
  $shared float on_queries[Chunk][Chunk];
  $shared float through[Chunk][Chunk];
  $shared float decays[Chunk];
  $shared float betas[Chunk];
  $shared float lasting[Chunk];
  int lane = $thread_x;
  int place = $thread_y * 32 + lane;
  int row = $group_y * Rows + $thread_y;
  bool mine = row < Dv;
  int batch = $group_z / Hv;
  int head = $group_z % Hv;
  int key_head = head / (Hv / Hk);
  int steps = q_shape[1];
  long start = (long($group_z) * Dv + (mine ? row : 0)) * Dk;
  float s[kPart];
  for (int j = 0; j < kPart; ++j) {
    int i = lane + 32 * j;
    s[j] = mine && i < Dk ? float(state[start + i]) : 0.0f;
  }
  for (int first = 0; first < steps; first += Chunk) {
    int count = steps - first < Chunk ? steps - first : Chunk;
    long step = long(batch) * steps + first;
    $barrier;
    // A step beyond the end changes nothing: no key, no correction, no decay.
    for (int n = place; n < Chunk * Dk; n += 32 * Rows) {
      int t = n / Dk;
      int i = n % Dk;
      long from = ((step + t) * Hk + key_head) * Dk + i;
      keys[t][i] = t < count ? float(k[from]) : 0.0f;
      queries[t][i] = t < count ? float(q[from]) : 0.0f;
    }
    if (place < Chunk) {
      long at = (step + place) * Hv + head;
      decays[place] = place < count ? float(decay[at]) : 1.0f;
      betas[place] = place < count ? float(beta[at]) : 0.0f;
    }
    $barrier;
    if (place < Chunk) {
      // Column i of G, and b.
      float product = 1.0f;
      for (int t = 0; t < Chunk; ++t) {
        if (t > place) product *= decays[t];
        through[t][place] = t < place ? 0.0f : product;
      }
      float all = 1.0f;
      for (int t = 0; t <= place; ++t) all *= decays[t];
      lasting[place] = all;
    }
    $barrier;
    for (int n = place; n < Chunk * Chunk; n += 32 * Rows) {
      int t = n / Chunk;
      int i = n % Chunk;
      float by_key = 0.0f;
      float by_query = 0.0f;
      if (i <= t) {
        for (int d = 0; d < Dk; ++d) {
          by_key += keys[i][d] * keys[t][d];
          by_query += keys[i][d] * queries[t][d];
        }
      }
      on_keys[t][i] = i < t ? through[t][i] * by_key : 0.0f;
      on_queries[t][i] = i <= t ? through[t][i] * by_query : 0.0f;
    }
    $barrier;
    float parts[2 * Chunk];
    for (int t = 0; t < Chunk; ++t) {
      float by_key = 0.0f;
      float by_query = 0.0f;
      for (int j = 0; j < kPart; ++j) {
        int i = lane + 32 * j;
        if (i < Dk) {
          by_key += s[j] * keys[t][i];
          by_query += s[j] * queries[t][i];
        }
      }
      parts[t] = by_key;
      parts[Chunk + t] = by_query;
    }
    // Halves are exchanged and added until each lane has one sum: lane l that of product l.
    #pragma unroll
    for (int reach = 16; reach > 0; reach >>= 1) {
      bool upper = (lane & reach) != 0;
      #pragma unroll
      for (int n = 0; n < reach; ++n) {
        float given = upper ? parts[n] : parts[n + reach];
        float kept = upper ? parts[n + reach] : parts[n];
        parts[n] = kept + $swap(given, reach);
      }
    }
    int t = lane & (Chunk - 1);
    bool asks = lane >= Chunk;
    float sum = parts[0] * lasting[t];
    long at = (step + t) * Hv + head;
    float wanted = !asks && mine && t < count ? float(v[at * Dv + row]) : 0.0f;
    float corrections[Chunk];
    for (int i = 0; i < Chunk; ++i) {
      float mine_now = (wanted - sum) * betas[t];
      corrections[i] = $from(mine_now, i);
      sum += corrections[i] * (asks ? on_queries[t][i] : on_keys[t][i]);
    }
    if (asks && mine && t < count) y[at * Dv + row] = T(sum);
    for (int j = 0; j < kPart; ++j) {
      int i = lane + 32 * j;
      if (i < Dk) {
        float value = s[j] * lasting[Chunk - 1];
        for (int n = 0; n < Chunk; ++n) {
          value += through[Chunk - 1][n] * corrections[n] * keys[n][i];
        }
        s[j] = value;
      }
    }
  }
  for (int j = 0; j < kPart; ++j) {
    int i = lane + 32 * j;
    if (mine && i < Dk) state_out[start + i] = StateT(s[j]);
  }
)";

}  // namespace

const KernelText kDeltaRecurrent = {.name = "delta_recurrent",
                                    .inputs = {"q", "k", "v", "decay", "beta", "state"},
                                    .outputs = {"y", "state_out", "between"},
                                    .body = kRecurrent};
const KernelText kDeltaChunked = {.name = "delta_chunked",
                                  .inputs = {"q", "k", "v", "decay", "beta", "state"},
                                  .outputs = {"y", "state_out"},
                                  .body = kChunked};

}  // namespace ingot::ops::gpu
