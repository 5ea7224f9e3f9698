/*
 * Inflates the pixel data of two PNG files at the same time, and notes which of their rows are stored alike.
 *
 * What it promises
 *   - Data are whole if they are one zlib stream and nothing else, fill the rows exactly, and have the right
 *     checksum. All other data are odd: then the rows hold anything, and the caller inflates them the slow
 *     way, which knows what is wrong and what is tolerated. Codes that are incomplete but for a single one
 *     are odd, too.
 *   - Bounds: nothing is read outside the file and the memory that are given, and nothing is written outside
 *     the rows and the room. Every length, distance and place is checked before it is used.
 *   - No state, no locks, no output, no allocations.
 *
 * How it works, in the order of this file
 *   1. Codes. A table gives for the next bits what they stand for and how many they are.
 *   2. Streams. The next 56 bits or more are kept in one number; up to four literals, or a match, are decoded
 *      with one bound check, and copied 16 or 32 bytes at a time. Decoding can stop at any symbol.
 *   3. Checksums, in sums of 16 bits that compilers vectorise.
 *   4. Pairs. Two screenshots of one page are often compressed to the same bytes up to the first change.
 *      These are inflated once: the second stream begins where the first was when its data ran out of equal
 *      bytes. After that both are inflated by turns, a piece that stays in the cache at a time. In the pieces
 *      it is noted which rows are equal, and equal rows are summed once for both checksums.
 *
 * Sources: RFC 1950 and RFC 1951.
 */
#include <stdint.h>
#include <string.h>
#if defined(__SSSE3__)
#include <tmmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;

enum { DONE, BAD_ARGUMENT };
enum { PIECE = 1 << 16 }; /* bytes that are inflated at a time */

/* ---- 1. Codes ------------------------------------------------------------------------------------ */

enum { LONGEST = 15, LITERAL_BITS = 11, DISTANCE_BITS = 9, LENGTH_BITS = 7 };
enum { LITERALS = 288, DISTANCES = 32, LENGTHS = 19 };
enum { LITERAL_ENTRIES = 2342, DISTANCE_ENTRIES = 594 }; /* the most that such codes need, as zlib's enough.c says */

/*
 * An entry: bits 0..7 how many bits the code and what follows it have, 8..15 how many the code has, 16..30 the
 * literal, or the smallest length or distance. What is none of these has the flag OTHER, and in bits 8..15 the
 * kind; of PART bits 16..30 are where the part begins, and bits 0..7 how many bits choose in it.
 */
#define LITERAL 0x80000000u
#define OTHER 0x00008000u
enum { INVALID = 0x8000, PART = 0x8100, END = 0x8200, KIND = 0xFF00 };

static const u16 length_bases[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                     31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 length_extras[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                     2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const u8 order_of_lengths[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

typedef enum { OF_LITERALS, OF_DISTANCES, OF_LENGTHS } Alphabet;

/* The entry of a symbol whose code has so many bits (of a part: so many that are left). */
static u32 entry_of(Alphabet alphabet, u32 symbol, u32 bits) {
    if (alphabet == OF_LENGTHS) return symbol << 16 | bits << 8 | bits;
    if (alphabet == OF_DISTANCES) {
        if (symbol >= 30) return INVALID;
        u32 extra = symbol < 4 ? 0 : symbol / 2 - 1;
        u32 base = symbol < 4 ? symbol + 1 : ((2 + symbol % 2) << extra) + 1;
        return base << 16 | bits << 8 | (bits + extra);
    }
    if (symbol < 256) return LITERAL | symbol << 16 | bits << 8 | bits;
    if (symbol == 256) return END | bits;
    if (symbol > 285) return INVALID;
    return (u32)length_bases[symbol - 257] << 16 | bits << 8 | (bits + length_extras[symbol - 257]);
}

static u32 reversed(u32 code, u32 bits) {
    u32 result = 0;
    for (u32 i = 0; i < bits; i++) result |= (code >> i & 1) << (bits - 1 - i);
    return result;
}

/*
 * Make the table of a code from the number of bits of each symbol. Returns 0 if the code has too many symbols,
 * or too few: only one symbol may be alone, with one bit; then the other bit is INVALID, as all are of none.
 */
static int make_table(Alphabet alphabet, const u8 *sizes, u32 symbols, u32 *table, u32 bits, u32 room) {
    u32 counts[LONGEST + 1] = {0}, starts[LONGEST + 2] = {0}, sorted[LITERALS];
    for (u32 symbol = 0; symbol < symbols; symbol++) counts[sizes[symbol]]++;
    u32 used = symbols - counts[0], space = 0;
    for (u32 size = 1; size <= LONGEST; size++) {
        space += counts[size] << (LONGEST - size);
        starts[size + 1] = starts[size] + counts[size];
    }
    if (space > 1u << LONGEST) return 0;
    if (space < 1u << LONGEST) {
        if (alphabet == OF_LENGTHS || used > 1 || (used && !counts[1])) return 0;
        for (u32 i = 0; i < 1u << bits; i++) table[i] = INVALID;
    }
    for (u32 symbol = 0; symbol < symbols; symbol++)
        if (sizes[symbol]) sorted[starts[sizes[symbol]]++] = symbol;

    u32 code = 0, size = 1, end = 1u << bits, begun = ~0u, part = 0, part_bits = 0;
    for (u32 i = 0; i < used; i++, code++) {
        while (i == starts[size]) size++, code <<= 1;
        u32 turned = reversed(code, size);
        if (size <= bits) {
            u32 entry = entry_of(alphabet, sorted[i], size);
            for (u32 at = turned; at < 1u << bits; at += 1u << size) table[at] = entry;
            continue;
        }
        u32 beginning = turned & ((1u << bits) - 1);
        if (beginning != begun) { /* symbols are sorted by size, so all that follow with it fill it up */
            begun = beginning, part = end, part_bits = size - bits;
            i64 left = ((i64)1 << part_bits) - (starts[size] - i);
            while (left > 0 && part_bits < LONGEST - bits) {
                part_bits++;
                left = 2 * left - counts[bits + part_bits];
            }
            end += 1u << part_bits;
            if (end > room) return 0;
            table[beginning] = part << 16 | PART | part_bits;
        }
        u32 entry = entry_of(alphabet, sorted[i], size - bits);
        for (u32 at = turned >> bits; at < 1u << part_bits; at += 1u << (size - bits)) table[part + at] = entry;
    }
    return 1;
}

/* ---- 2. Streams ---------------------------------------------------------------------------------- */

/* The sum of some bytes, and that of all sums on the way to it, both modulo 65521. */
typedef struct {
    u32 sum, sums;
} Sums;

enum { BETWEEN_BLOCKS, IN_CODES, IN_STORED, AT_END, ODD };
enum { MOST_OF_HEAD = 400 }; /* bytes; more than the head of any block */

typedef struct {
    const u8 *in, *in_end;   /* compressed data that are not in `bits` */
    u8 *rows, *out, *end;    /* where inflated data begin, are written and end */
    u64 bits;
    u32 count;               /* of bits; those above it are 0 between calls */
    u32 stored;              /* bytes that are left of a stored block */
    int state, last;         /* whether the block is the last one */
    Sums sums;               /* the two halves of the checksum */
    const u8 *summed;        /* up to where */
    u32 literals[LITERAL_ENTRIES], distances[DISTANCE_ENTRIES];
} Stream;

INLINE u64 eight_bytes(const u8 *at) {
    u64 bytes;
    memcpy(&bytes, at, 8);
    return bytes;
}

/* Take bytes one by one until there are 56 bits, or no more bytes. */
static void refill_slowly(Stream *stream) {
    while (stream->count < 56 && stream->in < stream->in_end) {
        stream->bits |= (u64)*stream->in++ << stream->count;
        stream->count += 8;
    }
}

/* Take so many bits, at most 16; if there are too few, the stream is odd. */
static u32 take(Stream *stream, u32 count) {
    refill_slowly(stream);
    if (count > stream->count) {
        stream->state = ODD;
        return 0;
    }
    u32 taken = (u32)(stream->bits & ((1u << count) - 1));
    stream->bits >>= count, stream->count -= count;
    return taken;
}

/* Take a code; an entry that is INVALID if there is none. */
static u32 take_code(Stream *stream, const u32 *table, u32 bits) {
    refill_slowly(stream);
    u32 entry = table[stream->bits & ((1u << bits) - 1)], skipped = 0;
    if ((entry & KIND) == PART) {
        skipped = bits;
        entry = table[(entry >> 16) + (stream->bits >> bits & ((1u << (entry & 0xFF)) - 1))];
    }
    u32 taken = skipped + (entry & OTHER ? entry & 0xFF : entry >> 8 & 0x7F);
    if (taken > stream->count) return INVALID;
    stream->bits >>= taken, stream->count -= taken;
    return entry;
}

/* Take the bits that follow a code. */
static u32 take_extra(Stream *stream, u32 entry) { return take(stream, (entry & 0xFF) - (entry >> 8 & 0x7F)); }

/* Read how many bits the codes of a block have. */
static int read_sizes(Stream *stream, u8 *sizes, u32 *literals, u32 *distances) {
    u8 of_sizes[LENGTHS] = {0};
    u32 table[1 << LENGTH_BITS];
    *literals = take(stream, 5) + 257, *distances = take(stream, 5) + 1;
    u32 given = take(stream, 4) + 4, all = *literals + *distances;
    if (*literals > 286 || *distances > 30) return 0;
    for (u32 i = 0; i < given; i++) of_sizes[order_of_lengths[i]] = (u8)take(stream, 3);
    if (!make_table(OF_LENGTHS, of_sizes, LENGTHS, table, LENGTH_BITS, 1 << LENGTH_BITS)) return 0;
    for (u32 i = 0; i < all;) {
        u32 entry = take_code(stream, table, LENGTH_BITS);
        if (entry == INVALID) return 0;
        u32 symbol = entry >> 16, times = 1, size = symbol;
        if (symbol >= 16) {
            if (symbol == 16 && !i) return 0;
            size = symbol == 16 ? sizes[i - 1] : 0;
            times = symbol == 16 ? 3 + take(stream, 2) : symbol == 17 ? 3 + take(stream, 3) : 11 + take(stream, 7);
        }
        if (times > all - i) return 0;
        memset(sizes + i, (int)size, times);
        i += times;
    }
    return stream->state != ODD && sizes[256];
}

/* Read the head of a block; returns 0 if it is odd. */
static int begin_block(Stream *stream) {
    u8 sizes[LITERALS + DISTANCES];
    u32 literals = LITERALS, distances = DISTANCES;
    stream->last = (int)take(stream, 1);
    u32 kind = take(stream, 2);
    if (stream->state == ODD || kind == 3) return 0;
    if (!kind) {
        take(stream, stream->count % 8);
        u32 length = take(stream, 16), inverted = take(stream, 16);
        if (stream->state == ODD || length != (inverted ^ 0xFFFF)) return 0;
        stream->in -= stream->count / 8; /* bytes that were taken too early */
        stream->bits = stream->count = 0;
        stream->stored = length;
        stream->state = IN_STORED;
        return 1;
    }
    if (kind == 1) {
        memset(sizes, 8, LITERALS);
        memset(sizes + 144, 9, 256 - 144);
        memset(sizes + 256, 7, 280 - 256);
        memset(sizes + LITERALS, 5, DISTANCES);
    } else if (!read_sizes(stream, sizes, &literals, &distances)) {
        return 0;
    }
    stream->state = IN_CODES;
    return make_table(OF_LITERALS, sizes, literals, stream->literals, LITERAL_BITS, LITERAL_ENTRIES) &&
           make_table(OF_DISTANCES, sizes + literals, distances, stream->distances, DISTANCE_BITS,
                      DISTANCE_ENTRIES);
}

/* Copy stored bytes that lie before `stop`. */
static int copy_stored(Stream *stream, const u8 *stop) {
    i64 size = stream->stored, there = stop - stream->in, room = stream->end - stream->out;
    if (size > room) return 0;
    if (size > there) size = there;
    if (size > 0) {
        memcpy(stream->out, stream->in, (size_t)size);
        stream->out += size, stream->in += size, stream->stored -= (u32)size;
    }
    if (!stream->stored) stream->state = stream->last ? AT_END : BETWEEN_BLOCKS;
    return stream->stored == 0 || stream->in < stream->in_end;
}

/* Decode one symbol, with every check. Returns 0 if the stream is odd. */
static int next_symbol(Stream *stream) {
    u32 entry = take_code(stream, stream->literals, LITERAL_BITS);
    if (entry & LITERAL) {
        if (stream->out == stream->end) return 0;
        *stream->out++ = (u8)(entry >> 16);
        return 1;
    }
    if (entry & OTHER) {
        if ((entry & KIND) != END) return 0;
        stream->state = stream->last ? AT_END : BETWEEN_BLOCKS;
        return 1;
    }
    i64 length = (entry >> 16) + take_extra(stream, entry);
    entry = take_code(stream, stream->distances, DISTANCE_BITS);
    if (entry & OTHER) return 0;
    i64 distance = (entry >> 16) + take_extra(stream, entry);
    if (stream->state == ODD || distance > stream->out - stream->rows || length > stream->end - stream->out)
        return 0;
    for (i64 i = 0; i < length; i++) stream->out[i] = stream->out[i - distance];
    stream->out += length;
    return 1;
}

typedef u8 Bytes __attribute__((vector_size(16)));

INLINE void copy_16(u8 *to, const u8 *from) {
    Bytes bytes;
    memcpy(&bytes, from, 16);
    memcpy(to, &bytes, 16);
}

INLINE void copy_32(u8 *to, const u8 *from) {
    struct {
        u8 bytes[32];
    } bytes;
    memcpy(&bytes, from, 32);
    memcpy(to, &bytes, 32);
}

/* For each distance below 16 the places of 16 bytes that repeat after it; the first is for all others. */
static const u8 repeating[16][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {0},
    {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
    {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0},
    {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0},
    {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1},
    {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0},
};

/* For each of these distances the smallest multiple of at least 16. */
static const u8 multiples[16] = {0, 16, 16, 18, 16, 20, 18, 21, 16, 18, 20, 22, 24, 26, 28, 30};

/* `from` has some bytes that are repeated; the first 16 bytes of that. */
INLINE Bytes repeated(const u8 *from, u32 distance) {
    static const u8 nothing[16] = {0};
    /* Loading 16 bytes of which one was just written would wait until it is in the cache; one alone does not. */
    u8 single = distance == 1 ? 255 : 0;
    const u8 *source = distance == 1 ? nothing : from;
    Bytes bytes, places;
    memcpy(&bytes, source, 16);
    memcpy(&places, repeating[distance < 16 ? distance : 0], 16);
#if defined(__SSSE3__)
    bytes = (Bytes)_mm_shuffle_epi8((__m128i)bytes, (__m128i)places);
#elif defined(__aarch64__)
    bytes = (Bytes)vqtbl1q_u8((uint8x16_t)bytes, (uint8x16_t)places);
#else
    Bytes turned;
    for (int i = 0; i < 16; i++) turned[i] = bytes[places[i]];
    bytes = turned;
#endif
    return bytes | (u8)(*from & single);
}

enum { MOST_OUT = 2 + 258 + 32 }; /* bytes that `decode_fast` may write for one round */
enum { MOST_IN = 3 * 8 };         /* and bytes that it may read */

/*
 * Repeat what was written `distance` bytes ago; up to 31 bytes too many are written. Most matches are short, or
 * have distance 1 or a row: for the short ones nothing depends on the distance, which could not be foreseen.
 */
INLINE void copy_match(u8 *out, u32 distance, u32 length) {
    const u8 *from = out - distance, *end = out + length;
    u32 again = distance < 16 ? multiples[distance] : distance;
    Bytes bytes = repeated(from, distance);
    memcpy(out, &bytes, 16);
    copy_16(out + 16, out + 16 - again);
    if (length <= 32) return;
    if (distance >= 32) {
        out += 32, from += 32;
        do {
            copy_32(out, from);
            out += 32, from += 32;
        } while (out < end);
    } else if (distance < 16) {
        u32 step = again == 16 ? 16 : again - distance;
        out += 2 * step;
        while (out < end) {
            memcpy(out, &bytes, 16), memcpy(out + step, &bytes, 16);
            out += 2 * step;
        }
    } else {
        out += 32, from += 32;
        do {
            copy_16(out, from);
            out += 16, from += 16;
        } while (out < end);
    }
}

/* Decode symbols as long as nothing that one of them may touch lies behind `in_stop` or `out_stop`. */
static int decode_fast(Stream *stream, const u8 *in_stop, const u8 *out_stop) {
    const u8 *in = stream->in;
    u8 *out = stream->out, *const rows = stream->rows;
    u64 bits = stream->bits;
    u32 count = stream->count;
    const u32 *const literals = stream->literals, *const distances = stream->distances;
    int sound = 1;
#define REFILL (bits |= eight_bytes(in) << count, in += (63 - count) >> 3, count |= 56)
#define TAKE(size) (bits >>= (size), count -= (size))
#define NEXT literals[bits & ((1 << LITERAL_BITS) - 1)]
    REFILL;
    u32 entry = NEXT;
    do {
        if (entry & LITERAL) {
            *out++ = (u8)(entry >> 16);
            TAKE(entry & 0xFF);
            entry = NEXT;
            if (entry & LITERAL) {
                *out++ = (u8)(entry >> 16);
                TAKE(entry & 0xFF);
                entry = NEXT;
                if (entry & LITERAL) {
                    *out++ = (u8)(entry >> 16);
                    TAKE(entry & 0xFF);
                    REFILL;
                    entry = NEXT;
                    continue;
                }
            }
            REFILL;
        }
        if (entry & OTHER) {
            if ((entry & KIND) == PART) {
                TAKE(LITERAL_BITS);
                entry = literals[(entry >> 16) + (bits & ((1u << (entry & 0xFF)) - 1))];
            }
            if (entry & LITERAL) {
                *out++ = (u8)(entry >> 16);
                TAKE(entry & 0xFF);
                REFILL;
                entry = NEXT;
                continue;
            }
            if (entry & OTHER) {
                TAKE(entry & 0xFF);
                sound = (entry & KIND) == END;
                stream->state = stream->last ? AT_END : BETWEEN_BLOCKS;
                break;
            }
        }
        u64 kept = bits;
        TAKE(entry & 0xFF);
        u32 length = (entry >> 16) + (u32)((kept & ((1ull << (entry & 0xFF)) - 1)) >> (entry >> 8 & 0x7F));
        entry = distances[bits & ((1 << DISTANCE_BITS) - 1)];
        if (entry & OTHER) {
            if ((entry & KIND) == PART) {
                TAKE(DISTANCE_BITS);
                entry = distances[(entry >> 16) + (bits & ((1u << (entry & 0xFF)) - 1))];
            }
            if (entry & OTHER) {
                sound = 0;
                break;
            }
        }
        kept = bits;
        TAKE(entry & 0xFF);
        u32 distance = (entry >> 16) + (u32)((kept & ((1ull << (entry & 0xFF)) - 1)) >> (entry >> 8 & 0x7F));
        if (distance > out - rows) {
            sound = 0;
            break;
        }
        REFILL; /* before the match is copied, so that neither waits for the other */
        entry = NEXT;
        copy_match(out, distance, length);
        out += length;
    } while (in_stop - in > MOST_IN && out_stop - out > MOST_OUT);
    stream->in = in, stream->out = out;
    stream->count = count;
    stream->bits = bits & (((u64)1 << count) - 1);
    return sound;
}

/*
 * Inflate until `out_stop` or somewhat beyond it; until the end if that is the end of the rows. If `in_stop`
 * is not the end of the data, it stops before it looks at a byte from there on.
 */
static void advance(Stream *stream, const u8 *in_stop, const u8 *out_stop) {
    int partly = in_stop < stream->in_end, sound = 1;
    const u8 *fast_stop = stream->end - out_stop > MOST_OUT ? out_stop + MOST_OUT : stream->end;
    while (sound && (stream->out < out_stop || out_stop == stream->end)) {
        i64 left = in_stop - stream->in;
        if (stream->state == BETWEEN_BLOCKS) {
            if (partly && left < MOST_OF_HEAD) return;
            sound = begin_block(stream);
        } else if (stream->state == IN_STORED) {
            if (partly && left < MOST_IN) return;
            sound = copy_stored(stream, in_stop);
        } else if (stream->state == IN_CODES) {
            if (left > MOST_IN && fast_stop - stream->out > MOST_OUT) {
                sound = decode_fast(stream, in_stop, fast_stop);
            } else {
                if (partly && left <= MOST_IN) return;
                sound = next_symbol(stream);
            }
        } else {
            return;
        }
    }
    if (!sound) stream->state = ODD;
}

/* ---- 3. Checksums -------------------------------------------------------------------------------- */

enum { ADLER = 65521, LANES = 16 };
enum { TURNS = 22, BLOCKS = 512 }; /* 255 x (1 + 2 + .. + 22) < 2^16, 4 x 22 x 255 x (1 + 2 + .. + 512) < 2^32 */


typedef u16 Lanes __attribute__((vector_size(2 * LANES)));
typedef u32 Wide __attribute__((vector_size(2 * LANES)));
typedef u8 Narrow __attribute__((vector_size(LANES)));

INLINE Lanes widened(const u8 *at) {
    Narrow bytes;
    memcpy(&bytes, at, LANES);
    return __builtin_convertvector(bytes, Lanes);
}

INLINE Wide evens(Lanes lanes) { return (Wide)lanes & 0xFFFF; }

INLINE Wide odds(Lanes lanes) { return (Wide)lanes >> 16; }

static Sums joined(Sums first, i64 size, Sums second) {
    u64 sums = first.sums + (u64)(size % ADLER) * first.sum + second.sums;
    return (Sums){(first.sum + second.sum) % ADLER, (u32)(sums % ADLER)};
}

/*
 * The sums of blocks of so many turns of 32 bytes. A byte counts as often as there are bytes from it to the end:
 * 32 times for each turn from its own on, less its place among the 32, and once for each byte of later blocks.
 */
static Sums sums_of_blocks(const u8 *at, i64 blocks, i64 turns) {
    Wide sums[4] = {{0}}, before = {0}, weighted = {0}; /* sums of places 0, 2, ..; 1, 3, ..; 16, ..; 17, .. */
    for (i64 block = 0; block < blocks; block++) {
        before += sums[0] + sums[1] + sums[2] + sums[3];
        Lanes left = {0}, right = {0}, lefts = {0}, rights = {0};
        for (i64 i = 0; i < turns; i++, at += 2 * LANES) {
            left += widened(at), right += widened(at + LANES);
            lefts += left, rights += right;
        }
        sums[0] += evens(left), sums[1] += odds(left), sums[2] += evens(right), sums[3] += odds(right);
        weighted += evens(lefts) + odds(lefts) + evens(rights) + odds(rights);
    }
    u64 sum = 0, later = 0, all = 0, places = 0;
    for (u32 i = 0; i < LANES / 2; i++) {
        sum += (u64)sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i];
        places += (u64)sums[0][i] * (2 * i) + (u64)sums[1][i] * (2 * i + 1);
        places += (u64)sums[2][i] * (2 * i + LANES) + (u64)sums[3][i] * (2 * i + LANES + 1);
        later += before[i], all += weighted[i];
    }
    u64 result = 2 * LANES * ((u64)turns * later + all) - places;
    return (Sums){(u32)(sum % ADLER), (u32)(result % ADLER)};
}

static Sums sums_of(const u8 *at, i64 size) {
    Sums result = {0, 0};
    while (size >= 2 * LANES) {
        i64 turns = size / (2 * LANES), blocks = 1;
        if (turns > TURNS) {
            blocks = turns / TURNS < BLOCKS ? turns / TURNS : BLOCKS;
            turns = TURNS;
        }
        i64 taken = blocks * turns * 2 * LANES;
        result = joined(result, taken, sums_of_blocks(at, blocks, turns));
        at += taken, size -= taken;
    }
    for (; size; size--) result.sum += *at++, result.sums += result.sum;
    return (Sums){result.sum % ADLER, result.sums % ADLER};
}

/* Go on with the checksum of a stream: so many more bytes have these sums. */
static void add_sums(Stream *stream, i64 size, Sums sums) {
    stream->sums = joined(stream->sums, size, sums);
    stream->summed += size;
}

static void sum_until(Stream *stream, const u8 *end) {
    add_sums(stream, end - stream->summed, sums_of(stream->summed, end - stream->summed));
}

/* ---- 4. Pairs ------------------------------------------------------------------------------------ */

/* One file: where its compressed data are, where the rows go, and the answer. */
typedef struct {
    const u8 *file;
    i64 file_size;
    const u64 *places; /* start and end of each piece of the data, in turn */
    i64 place_count;
    u8 *rows;
    i64 rows_size;
    u8 *room; /* for all pieces, if there are several */
    i64 room_size;
    i64 whole; /* 1 if the rows are there, 0 if the data are odd */
} Packed;

/* Both streams, and the rows that are equal. */
typedef struct {
    Stream *first, *second;
    i64 pitch, row_count, row; /* bytes of a row, or 0; rows to compare; the next of them */
    i64 shared;                /* bytes that were inflated once for both */
    u8 *equal;
} Both;

static int is_sound(const Packed *packed) {
    i64 size = 0;
    if (!packed->file || !packed->places || packed->place_count < 2 || packed->place_count % 2) return 0;
    if (!packed->rows || packed->rows_size < 1) return 0;
    for (i64 i = 0; i < packed->place_count; i += 2) {
        u64 start = packed->places[i], end = packed->places[i + 1];
        if (start > end || end > (u64)packed->file_size) return 0;
        size += (i64)(end - start);
        if (packed->place_count > 2 && size > packed->room_size) return 0;
    }
    return 1;
}

/* Join the compressed data and read their two bytes in front. */
static void begin_stream(Stream *stream, const Packed *packed) {
    const u8 *data = packed->file + packed->places[0];
    i64 size = (i64)(packed->places[1] - packed->places[0]);
    if (packed->place_count > 2) {
        data = packed->room, size = 0;
        for (i64 i = 0; i < packed->place_count; i += 2) {
            size_t more = (size_t)(packed->places[i + 1] - packed->places[i]);
            memcpy(packed->room + size, packed->file + packed->places[i], more);
            size += (i64)more;
        }
    }
    stream->rows = stream->out = packed->rows;
    stream->summed = packed->rows, stream->end = packed->rows + packed->rows_size;
    stream->bits = stream->count = stream->stored = 0;
    stream->last = 0, stream->sums = (Sums){1, 0};
    stream->in = stream->in_end = data;
    stream->state = ODD;
    if (size < 6 || data[0] % 16 != 8 || data[0] >> 4 > 7 || data[1] & 32 || (data[0] << 8 | data[1]) % 31) return;
    stream->in = data + 2, stream->in_end = data + size - 4;
    stream->state = BETWEEN_BLOCKS;
}

/* Whether a stream has ended where rows and data do, with the right checksum. */
static int is_whole(Stream *stream) {
    if (stream->state != AT_END || stream->out != stream->end) return 0;
    if (stream->in - stream->count / 8 != stream->in_end) return 0;
    sum_until(stream, stream->end);
    const u8 *given = stream->in_end;
    return (stream->sums.sums << 16 | stream->sums.sum) ==
           ((u32)given[0] << 24 | (u32)given[1] << 16 | (u32)given[2] << 8 | given[3]);
}

INLINE const u8 *piece_end(const Stream *stream) {
    return stream->end - stream->out > PIECE ? stream->out + PIECE : stream->end;
}

INLINE int goes_on(const Stream *stream) { return stream->state != AT_END && stream->state != ODD; }

/* How many of the bytes that follow are equal. */
static i64 equal_bytes(const Stream *first, const Stream *second) {
    i64 size = first->in_end - first->in, other = second->in_end - second->in, at = 0;
    if (other < size) size = other;
    while (size - at >= 8 && eight_bytes(first->in + at) == eight_bytes(second->in + at)) at += 8;
    while (at < size && first->in[at] == second->in[at]) at++;
    return at;
}

/* Add the rows up to `row` to both checksums, once if they are equal. */
static void sum_rows(Both *both, i64 row, int equal) {
    i64 size = row * both->pitch - (both->first->summed - both->first->rows);
    if (size <= 0) return;
    Sums sums = sums_of(both->first->summed, size);
    add_sums(both->first, size, sums);
    if (equal) add_sums(both->second, size, sums);
    else sum_until(both->second, both->second->summed + size);
}

/* Compare the rows that both have, and add them to the checksums. */
static void note_rows(Both *both) {
    i64 size = both->first->out - both->first->rows, other = both->second->out - both->second->rows;
    if (other < size) size = other;
    if (!both->pitch) {
        sum_until(both->first, both->first->out), sum_until(both->second, both->second->out);
        return;
    }
    int equal = 1;
    for (; both->row < both->row_count && (both->row + 1) * both->pitch <= size; both->row++) {
        i64 at = both->row * both->pitch;
        int same = at + both->pitch <= both->shared ||
                   !memcmp(both->first->rows + at, both->second->rows + at, (size_t)both->pitch);
        if (same != equal) sum_rows(both, both->row, equal);
        both->equal[both->row] = (u8)(equal = same);
    }
    sum_rows(both, both->row, equal);
}

/*
 * Inflate what both streams have in common, but not to the end of the data. The first must not have more rows.
 * If it is odd there, for example because its rows are full, the second begins by itself.
 */
static void inflate_shared(Both *both) {
    Stream *first = both->first, *second = both->second, own = *second;
    const u8 *begin = first->in, *stop = begin + equal_bytes(first, second);
    if (stop == first->in_end) stop--;
    while (goes_on(first)) {
        u8 *from = first->out;
        advance(first, stop, piece_end(first));
        if (first->out == from) break;
        memcpy(second->rows + (from - first->rows), from, (size_t)(first->out - from));
        both->shared = first->out - first->rows;
        second->out = second->rows + both->shared;
        note_rows(both);
    }
    if (first->state == ODD) {
        *second = own;
        both->pitch = 0;
        return;
    }
    own.in += first->in - begin;
    own.out = second->out, own.summed = second->summed, own.sums = second->sums;
    *second = *first;
    second->in = own.in, second->in_end = own.in_end;
    second->rows = own.rows, second->out = own.out, second->end = own.end;
    second->summed = own.summed, second->sums = own.sums;
}

/*
 * Inflate both files of a pair. `equal` gets 1 for each of the first `row_count` rows of `pitch` bytes if it is
 * stored alike in both, else 0; it is valid if both are whole. With the pitch 0 no rows are compared.
 */
EXPORT int kernel_inflate(Packed *first, Packed *second, i64 pitch, i64 row_count, u8 *equal) {
    Stream one, two;
    if (!is_sound(first) || !is_sound(second) || pitch < 0 || row_count < 0) return BAD_ARGUMENT;
    if (first->rows_size > second->rows_size) return kernel_inflate(second, first, pitch, row_count, equal);
    if (pitch && (!equal || row_count > first->rows_size / pitch)) return BAD_ARGUMENT;
    begin_stream(&one, first), begin_stream(&two, second);
    Both both = {&one, &two, pitch, row_count, 0, 0, equal};
    if (goes_on(&one) && goes_on(&two)) inflate_shared(&both);
    while (goes_on(&one) || goes_on(&two)) {
        i64 ahead = (one.out - one.rows) - (two.out - two.rows);
        if (goes_on(&one) && (ahead <= 0 || !goes_on(&two))) advance(&one, one.in_end, piece_end(&one));
        else advance(&two, two.in_end, piece_end(&two));
        note_rows(&both);
    }
    first->whole = is_whole(&one), second->whole = is_whole(&two);
    return DONE;
}
