// SHA-256 of a file of any size, piece by piece: the browser's own wants it whole in memory.

// Signed, so that sums stay machine integers.
const K = new Int32Array(64);
const START = new Int32Array(8);
// The constants are the fractions of the square and cube roots of the first primes.
{
  const fraction = (x) => Math.floor((x - Math.floor(x)) * 0x100000000) | 0;
  let found = 0;
  for (let n = 2; found < 64; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
    if (!prime) continue;
    K[found] = fraction(Math.cbrt(n));
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    found += 1;
  }
}

function compress(state, bytes, at, w) {
  for (let i = 0; i < 16; i += 1) {
    const p = at + i * 4;
    w[i] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
  }
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0;
    d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

// Hex digits of a Blob's digest; progress hears how many bytes were read.
export async function sha256(blob, progress = () => {}) {
  const state = new Int32Array(START);
  const w = new Int32Array(64);
  const piece = 4 << 20;
  let rest = new Uint8Array(0);
  for (let at = 0; at < blob.size; at += piece) {
    rest = new Uint8Array(await blob.slice(at, at + piece).arrayBuffer());
    const whole = rest.length - (rest.length % 64);
    for (let i = 0; i < whole; i += 64) compress(state, rest, i, w);
    rest = rest.subarray(whole);
    progress(Math.min(at + piece, blob.size));
  }
  const last = new Uint8Array(rest.length < 56 ? 64 : 128);
  last.set(rest);
  last[rest.length] = 0x80;
  const bits = new DataView(last.buffer);
  bits.setUint32(last.length - 8, Math.floor(blob.size / 0x20000000));
  bits.setUint32(last.length - 4, (blob.size * 8) >>> 0);
  for (let i = 0; i < last.length; i += 64) compress(state, last, i, w);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
