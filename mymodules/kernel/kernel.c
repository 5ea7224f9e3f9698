/*
 * Compares two PNG files of one kind, 8-bit RGB or RGBA, from their inflated, still filtered rows. They are
 * compared as far as both reach.
 *
 * What it promises
 *   - Figures: pixels that differ, the largest difference of each channel, the sum of 1 - SSIM in fixed
 *     point, and boxes with their number of differing pixels. On request, the SSIM map as bytes, how often
 *     it has each value, and the shades of the difference picture. They equal those of the NumPy path to the last bit.
 *   - Bounds: nothing is read beyond a row but READ_BEYOND bytes, which the caller has to have there, and
 *     nothing is written beyond a row. Sizes are checked against each other before the first byte is read.
 *   - The rows are changed in place, but they stay the same picture: a row that had to be unfiltered is
 *     left unfiltered, with the filter None.
 *   - No state, no locks, no output: any number of threads may call it with rows of their own. Every
 *     allocation is checked, and errors are returned.
 *
 * How it works, in the order of this file
 *   1. Rows. A row is equal in both files if its stored bytes are, and either its filter looks at nothing
 *      above it or the row above is equal. Such rows are passed over. At a difference, the rows around it
 *      are unfiltered: equal rows once, for both.
 *   2. Boxes. Differing pixels fall into cells of 8 x 4 px; cells that touch are joined by union-find, and
 *      then boxes that are near each other, until none are.
 *   3. Pixels. A pair of rows that differs is looked at in blocks of 32 columns; most are equal.
 *   4. SSIM. Each block keeps the sums of its columns over 7 rows and slides them down the picture as long
 *      as differences are within reach. Integers up to one division for a pixel.
 *   5. Pixels as numbers. What `comparison` asks of rectangles of RGBA pixels to tell what moved from what
 *      changed: digests and structure of rows, what differs, and smaller forms to be hashed. Nothing is read
 *      or written beyond a row.
 *
 * Compiles with gcc, clang and zig cc, for little-endian processors. -ffp-contract=off is required: a
 * fused multiplication would round differently from NumPy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <emmintrin.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The kernel reads several bytes as one number and needs a little-endian processor."
#endif
#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))

typedef uint8_t u8;
typedef int16_t i16;
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;

enum {
    READ_BEYOND = 16,     /* bytes after the last row that may be read, and are never written */
    MOST_PIXELS = 1 << 30 /* so that the sum of 1 - SSIM, at most 2 a pixel, stays below 2^63 */
};
enum { DONE, BAD_ARGUMENT, BAD_FILTER, NO_MEMORY };
enum { NONE, SUB, UP, AVERAGE, PAETH };

/*
 * What is compared: `height` rows of `width` px. The second picture is so wide; the first may be wider,
 * because what a filter looks at is never to the right.
 */
typedef struct {
    u8 *first, *second;
    i64 first_size, second_size; /* bytes from the first row on, READ_BEYOND included */
    i64 first_width, width, height, channels;
    u8 *map; /* similarity, a byte for each pixel, or NULL; all of it is 255 beforehand */
    i64 map_size, map_pitch;
    u8 *shades; /* of the difference, two to a byte, or NULL; all of it is 0 beforehand */
    i64 shades_size, shades_pitch;
    const u8 *equal; /* a byte for each row that is not 0 if it is stored alike in both, or NULL */
    i64 equal_size;
} Pair;

typedef struct {
    i64 left, top, right, bottom, pixels; /* right and bottom exclusive */
    i64 faint, largest; /* pixels that differ by few levels, and the largest difference, where it is asked for */
} Box;

typedef struct {
    i64 differing;
    i64 dissimilarity; /* sum of 1 - SSIM in units of 2^-32, without the border of 3 px */
    i64 largest[4];
    i64 levels[256]; /* how often each value was written to the map; what was not written is 255 */
    Box *boxes;      /* to be given back by kernel_free */
    i64 box_count;
} Figures;

/* ---- 1. Rows ------------------------------------------------------------------------------------- */

typedef i16 Lanes __attribute__((vector_size(16)));
typedef u8 Bytes __attribute__((vector_size(16)));
typedef i32 Integers __attribute__((vector_size(16)));
typedef u32 Words __attribute__((vector_size(16)));

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLED(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
#define SHUFFLED(one, other, ...) __builtin_shuffle(one, other, (Bytes){__VA_ARGS__})
#endif

INLINE u32 pixel_at(const u8 *at) {
    u32 pixel;
    memcpy(&pixel, at, 4);
    return pixel;
}

INLINE void put_pixel(u8 *at, u32 pixel, int channels) {
    if (channels == 4) {
        memcpy(at, &pixel, 4);
    } else {
        memcpy(at, &pixel, 2);
        at[2] = (u8)(pixel >> 16);
    }
}

/* Two pixels, one of either picture, as eight numbers. */
INLINE Lanes widened(u32 first, u32 second) {
    Words both = {first, second, 0, 0};
    return (Lanes)SHUFFLED((Bytes)both, (Bytes){0}, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/* Their low bytes, two pixels again. */
INLINE Words narrowed(Lanes lanes) {
    Bytes bytes = (Bytes)lanes;
    return (Words)SHUFFLED(bytes, bytes, 0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
}

INLINE Lanes smaller(Lanes one, Lanes other) {
    for (int i = 0; i < 8; i++) one[i] = one[i] < other[i] ? one[i] : other[i];
    return one;
}

INLINE Lanes larger(Lanes one, Lanes other) {
    for (int i = 0; i < 8; i++) one[i] = one[i] > other[i] ? one[i] : other[i];
    return one;
}

/*
 * Unfiltered pixels from the stored ones and those to the left, above and to the upper left. Of these three,
 * Paeth takes the one nearest to left + above - corner. That is the larger of left and above where both are
 * at least `limit`, the smaller where both are at most that, and otherwise the corner. If both are equal to
 * it, all three are equal.
 */
INLINE Lanes paeth(Lanes stored, Lanes left, Lanes above, Lanes corner) {
    Lanes limit = 3 * corner - above - left;
    Lanes low = smaller(left, above), high = larger(left, above);
    Lanes guess = ((limit <= low) & (high - corner)) + ((limit >= high) & (low - corner));
    return (stored + corner + guess) & 255;
}

enum { COPIED = 16 }; /* pixels that are looked at together */

INLINE int all_zero(const u8 *at, int size) {
    u64 any = 0;
    for (int i = 0; i < size; i += 8) {
        u64 word;
        memcpy(&word, at + i, 8);
        any |= word;
    }
    return any == 0;
}

/* Paeth of zeros repeats the row above where the pixel to the left repeats the one above it, too. */
INLINE int repeats(const u8 *row, const u8 *above, i64 at, int channels) {
    if (at && memcmp(row + at - channels, above + at - channels, (size_t)channels)) return 0;
    return all_zero(row + at, COPIED * channels);
}

INLINE void unfilter_paeth(u8 *row, const u8 *above, i64 size, int channels) {
    Lanes left = {0}, corner = {0};
    for (i64 at = 0; at < size;) {
        i64 stop = at + COPIED * channels;
        if (stop > size) {
            stop = size;
        } else if (repeats(row, above, at, channels)) {
            memcpy(row + at, above + at, COPIED * channels);
            left = corner = widened(pixel_at(above + stop - channels), 0);
            at = stop;
            continue;
        }
        for (; at < stop; at += channels) {
            Lanes over = widened(pixel_at(above + at), 0);
            left = paeth(widened(pixel_at(row + at), 0), left, over, corner);
            corner = over;
            put_pixel(row + at, narrowed(left)[0], channels);
        }
    }
}

/* The same for a row of either picture at once: each step waits for the one before, so two cost as one. */
INLINE void unfilter_paeth_both(u8 *first, const u8 *first_above, u8 *second, const u8 *second_above,
                                i64 size, int channels) {
    Lanes left = {0}, corner = {0};
    for (i64 at = 0; at < size;) {
        i64 stop = at + COPIED * channels;
        if (stop > size) {
            stop = size;
        } else if (repeats(first, first_above, at, channels) && repeats(second, second_above, at, channels)) {
            memcpy(first + at, first_above + at, COPIED * channels);
            memcpy(second + at, second_above + at, COPIED * channels);
            left = corner =
                widened(pixel_at(first_above + stop - channels), pixel_at(second_above + stop - channels));
            at = stop;
            continue;
        }
        for (; at < stop; at += channels) {
            Lanes over = widened(pixel_at(first_above + at), pixel_at(second_above + at));
            left = paeth(widened(pixel_at(first + at), pixel_at(second + at)), left, over, corner);
            corner = over;
            Words both = narrowed(left);
            put_pixel(first + at, both[0], channels);
            put_pixel(second + at, both[1], channels);
        }
    }
}

/* Unfilter a row in place, filter byte and all. */
INLINE void unfilter_as(u8 *stored, const u8 *above, i64 size, int channels) {
    u8 *row = stored + 1;
    switch (stored[0]) {
    case SUB:
        for (i64 i = channels; i < size; i++) row[i] = (u8)(row[i] + row[i - channels]);
        break;
    case UP:
        for (i64 i = 0; i < size; i++) row[i] = (u8)(row[i] + above[i]);
        break;
    case AVERAGE:
        for (i64 i = 0; i < channels; i++) row[i] = (u8)(row[i] + (above[i] >> 1));
        for (i64 i = channels; i < size; i++) row[i] = (u8)(row[i] + ((row[i - channels] + above[i]) >> 1));
        break;
    case PAETH:
        unfilter_paeth(row, above, size, channels);
        break;
    }
    stored[0] = NONE;
}

static void unfilter(u8 *restrict stored, const u8 *restrict above, i64 size, i64 channels) {
    channels == 3 ? unfilter_as(stored, above, size, 3) : unfilter_as(stored, above, size, 4);
}

/* The same for a row of either picture. */
static void unfilter_both(u8 *first, const u8 *first_above, i64 first_size, u8 *second,
                          const u8 *second_above, i64 size, i64 channels) {
    if (first[0] == PAETH && second[0] == PAETH && first_size == size) {
        if (channels == 3)
            unfilter_paeth_both(first + 1, first_above, second + 1, second_above, size, 3);
        else
            unfilter_paeth_both(first + 1, first_above, second + 1, second_above, size, 4);
        first[0] = second[0] = NONE;
    } else {
        unfilter(first, first_above, first_size, channels);
        unfilter(second, second_above, size, channels);
    }
}

/* One file: its rows, each `pitch` bytes after the one before, and the row above the first one. */
typedef struct {
    u8 *rows;
    i64 pitch, channels;
    const u8 *nothing;
} File;

INLINE u8 *stored_row(const File *file, i64 y) { return file->rows + y * file->pitch; }

INLINE const u8 *above_row(const File *file, i64 y) {
    return y ? stored_row(file, y - 1) + 1 : file->nothing;
}

/* Unfilter a row, and those above that it depends on. */
static void need_row(const File *file, i64 y) {
    i64 begin = y;
    while (begin && stored_row(file, begin)[0] > SUB) begin--;
    for (; begin <= y; begin++) {
        u8 *stored = stored_row(file, begin);
        if (stored[0] != NONE) unfilter(stored, above_row(file, begin), file->pitch - 1, file->channels);
    }
}

/* ---- 2. Boxes ------------------------------------------------------------------------------------ */

enum { CELL_WIDTH = 8, CELL_HEIGHT = 4 };
enum { GAP_X = 16, GAP_Y = 8 }; /* at most so many px between boxes that are near, as in regions/gathering */

/* Cells of one row of cells, and the groups that they belong to: each names another one, or itself. */
typedef struct {
    Box *groups;
    i32 *names;
    i64 count, capacity;
    Box *cells; /* of the current row; without pixels where nothing differs */
    i32 *above, *current;
    i64 width, row; /* cells in a row; the current row, or -1 */
} Cells;

static i32 group_of(Cells *cells, i32 group) {
    while (cells->names[group] != group) {
        cells->names[group] = cells->names[cells->names[group]];
        group = cells->names[group];
    }
    return group;
}

static void widen(Box *box, const Box *other) {
    if (other->left < box->left) box->left = other->left;
    if (other->top < box->top) box->top = other->top;
    if (other->right > box->right) box->right = other->right;
    if (other->bottom > box->bottom) box->bottom = other->bottom;
    box->pixels += other->pixels;
    box->faint += other->faint;
    if (other->largest > box->largest) box->largest = other->largest;
}

static i32 joined(Cells *cells, i32 one, i32 other) {
    one = group_of(cells, one), other = group_of(cells, other);
    if (one == other) return one;
    cells->names[other] = one;
    widen(&cells->groups[one], &cells->groups[other]);
    return one;
}

static i32 new_group(Cells *cells) {
    if (cells->count == cells->capacity) {
        i64 capacity = cells->capacity ? 2 * cells->capacity : 256;
        Box *groups = realloc(cells->groups, (size_t)capacity * sizeof *groups);
        if (groups) cells->groups = groups;
        i32 *names = realloc(cells->names, (size_t)capacity * sizeof *names);
        if (names) cells->names = names;
        if (!groups || !names) return -1;
        cells->capacity = capacity;
    }
    cells->names[cells->count] = (i32)cells->count;
    return (i32)cells->count++;
}

/* Put the cells of the current row into groups, and begin another row. */
static int next_row_of_cells(Cells *cells, i64 row) {
    for (i64 c = 0; c < cells->width && cells->row >= 0; c++) {
        i32 group = -1;
        cells->current[c] = -1;
        if (!cells->cells[c].pixels) continue;
        if (c && cells->current[c - 1] >= 0) group = cells->current[c - 1];
        for (i64 near = c ? c - 1 : 0; near <= c + 1 && near < cells->width; near++)
            if (cells->above[near] >= 0)
                group = group < 0 ? cells->above[near] : joined(cells, group, cells->above[near]);
        if (group < 0) {
            group = new_group(cells);
            if (group < 0) return NO_MEMORY;
            cells->groups[group] = cells->cells[c];
        } else {
            group = group_of(cells, group);
            widen(&cells->groups[group], &cells->cells[c]);
        }
        cells->current[c] = group;
        cells->cells[c].pixels = 0;
    }
    i32 *done = cells->current;
    cells->current = cells->above;
    cells->above = done;
    if (cells->row < 0 || row != cells->row + 1) /* no row of cells is right above the new one */
        memset(cells->above, 255, (size_t)cells->width * sizeof *cells->above);
    cells->row = row;
    return DONE;
}

/* Add the differing pixels of 8 columns: a byte of 1 for each. */
INLINE void add_to_cell(Cells *cells, i64 column, i64 y, u64 columns, i64 faint, i64 largest) {
    Box *cell = &cells->cells[column / CELL_WIDTH];
    i64 first = column + (__builtin_ctzll(columns) >> 3), end = column + 8 - (__builtin_clzll(columns) >> 3);
    Box found = {first, y, end, y + 1, (i64)(columns * 0x0101010101010101u >> 56), faint, largest};
    if (cell->pixels)
        widen(cell, &found);
    else
        *cell = found;
}

/* Keep one box for each group, at the beginning. */
static void drop_joined(Cells *cells) {
    i64 kept = 0;
    for (i64 group = 0; group < cells->count; group++)
        if (cells->names[group] == group) cells->groups[kept++] = cells->groups[group];
    cells->count = kept;
    for (i64 group = 0; group < kept; group++) cells->names[group] = (i32)group;
}

static int by_top(const void *one, const void *other) {
    i64 top = ((const Box *)one)->top, other_top = ((const Box *)other)->top;
    return (top > other_top) - (top < other_top);
}

/* Join boxes that are near each other; returns whether there were any, as larger boxes have other near ones. */
static int join_near(Cells *cells) {
    int found = 0;
    Box *boxes = cells->groups;
    if (cells->count) qsort(boxes, (size_t)cells->count, sizeof *boxes, by_top);
    for (i64 one = 0; one < cells->count; one++)
        for (i64 other = one + 1; other < cells->count; other++) {
            if (boxes[other].top - boxes[one].bottom > GAP_Y) break;
            if (boxes[other].left - boxes[one].right > GAP_X) continue;
            if (boxes[one].left - boxes[other].right > GAP_X) continue;
            joined(cells, (i32)one, (i32)other);
            found = 1;
        }
    drop_joined(cells);
    return found;
}

static void join_all(Cells *cells) {
    drop_joined(cells);
    while (join_near(cells)) continue;
}

/* Begin a picture of so many columns; also after an error `close_cells` ends it, but for its groups. */
static int open_cells(Cells *cells, i64 columns) {
    i64 width = (columns + CELL_WIDTH - 1) / CELL_WIDTH;
    *cells = (Cells){.width = width, .row = -1};
    cells->cells = calloc((size_t)width + 1, sizeof *cells->cells); /* + 1: nothing is no error */
    cells->above = malloc((size_t)(width + 1) * sizeof *cells->above);
    cells->current = malloc((size_t)(width + 1) * sizeof *cells->current);
    return cells->cells && cells->above && cells->current ? DONE : NO_MEMORY;
}

static void close_cells(Cells *cells) {
    free(cells->names), free(cells->cells), free(cells->above), free(cells->current);
}

/* ---- 3. Pixels ---------------------------------------------------------------------------------- */

enum { BLOCK = 32, REACH = 3, SPAN = BLOCK + 8, KEPT = 8 }; /* SPAN: 3 columns to the left, 5 to the right */

#define C1 6.5025  /* (0.01 * 255)^2 */
#define C2 58.5225 /* (0.03 * 255)^2 */

/* 32 columns of the picture, and the sums of these and those within reach over 7 rows. */
typedef struct {
    i64 sums_of;   /* the row in the middle of the window that the sums belong to */
    i64 last_near; /* the last row with a difference in or within reach of these columns */
    u8 gray[2][KEPT][SPAN];
    i16 x[SPAN], y[SPAN];
    i32 squares[SPAN], distance[SPAN]; /* of x^2 + y^2, and of (x - y)^2 */
} Columns;

typedef struct {
    Pair pair;
    File first, second;
    i64 size; /* bytes of a row that are compared, without its filter */
    Figures figures;
    Cells cells;
    Columns *columns;
    u8 *nothing; /* the row above the first one */
    u8 *same;    /* for each row, whether it is known to be equal */
    u8 largest[BLOCK * 4];
    i64 levels[4][256]; /* of columns 0, 4, 8 and so on, of columns 1, 5, 9 ... */
    i64 last_difference;
} Work;

/* The second picture's row, or the equal one of the first, which is unfiltered sooner. */
INLINE u8 *second_row(const Work *work, i64 y) {
    return stored_row(work->same[y] ? &work->first : &work->second, y);
}

/* The shade of a difference: 1 to 7, orange, 8 to 14, blue, where only alpha differs. */
INLINE u8 shade_of(u32 first, u32 second, int channels) {
    i32 sum = 0, alpha = 0;
    for (int channel = 0; channel < channels; channel++) {
        i32 step = (i32)(first >> 8 * channel & 255) - (i32)(second >> 8 * channel & 255);
        sum += step < 0 ? -step : step;
        if (channel == 3) alpha = step < 0 ? -step : step;
    }
    u8 shade = (u8)(1 + (sum >= 2) + (sum >= 6) + (sum >= 16) + (sum >= 47) + (sum >= 141) + (sum >= 421));
    return alpha && sum == alpha ? shade + 7 : shade;
}

/* Count what differs in up to 32 columns of a row; returns whether anything does. */
INLINE int differs_in_block(Work *work, const u8 *first, const u8 *second, i64 y, i64 left, int count,
                            int channels) {
    first += left * channels, second += left * channels;
    if (!memcmp(first, second, (size_t)(count * channels))) return 0;
    u8 differing[BLOCK] = {0}, step[BLOCK * 4];
    for (int i = 0; i < count * channels; i++) {
        u8 one = first[i], other = second[i];
        step[i] = one > other ? one - other : other - one;
        work->largest[i] = work->largest[i] > step[i] ? work->largest[i] : step[i];
    }
    for (int i = 0; i < count; i++) {
        u8 any = 0;
        for (int channel = 0; channel < channels; channel++) any |= step[channels * i + channel];
        differing[i] = any != 0;
    }
    for (int i = 0; i < count; i += CELL_WIDTH) {
        u64 word;
        memcpy(&word, differing + i, 8);
        if (!word) continue;
        work->figures.differing += (i64)(word * 0x0101010101010101u >> 56);
        add_to_cell(&work->cells, left + i, y, word, 0, 0);
    }
    if (work->pair.shades) {
        u8 *shades = work->pair.shades + y * work->pair.shades_pitch;
        for (int i = 0; i < count; i++)
            if (differing[i]) {
                u32 one = pixel_at(first + channels * i), other = pixel_at(second + channels * i);
                u8 shade = shade_of(one, other, channels);
                shades[(left + i) / 2] |= (u8)((left + i) % 2 ? shade : shade << 4);
            }
    }
    Columns *columns = &work->columns[left / BLOCK];
    columns->last_near = y;
    u32 edge;
    memcpy(&edge, differing, 4);
    if (left && edge & 0xffffff) columns[-1].last_near = y;
    memcpy(&edge, differing + BLOCK - 4, 4);
    if (left + BLOCK < work->pair.width && edge & 0xffffff00) columns[1].last_near = y;
    return 1;
}

/* Compare two unfiltered rows; returns whether they differ. */
INLINE int rows_differ(Work *work, const u8 *first, const u8 *second, i64 y, int channels) {
    int found = 0;
    i64 left = 0, whole = work->pair.width - work->pair.width % BLOCK;
    for (; left < whole; left += BLOCK)
        found |= differs_in_block(work, first, second, y, left, BLOCK, channels);
    if (left < work->pair.width)
        found |= differs_in_block(work, first, second, y, left, (int)(work->pair.width - left), channels);
    return found;
}

/* Whether a row that has not been unfiltered is stored alike in both files. */
INLINE int stored_alike(const Work *work, i64 y) {
    if (work->pair.equal) return work->pair.equal[y];
    return !memcmp(stored_row(&work->first, y), stored_row(&work->second, y), (size_t)work->size + 1);
}

/* Take one pair of stored rows: find out whether they are equal, and count what differs. */
static int take_row(Work *work, i64 y) {
    const Pair *pair = &work->pair;
    u8 *first = stored_row(&work->first, y), *second = stored_row(&work->second, y);
    if (first[0] > PAETH || second[0] > PAETH) return BAD_FILTER;
    if ((first[0] <= SUB || !y || work->same[y - 1]) && stored_alike(work, y)) {
        work->same[y] = 1;
        if (y - work->last_difference <= 2 * REACH) need_row(&work->first, y);
        return DONE;
    }
    if (y && (first[0] > SUB || second[0] > SUB)) need_row(&work->first, y - 1);
    unfilter_both(first, above_row(&work->first, y), work->first.pitch - 1, second,
                  y ? second_row(work, y - 1) + 1 : work->nothing, work->size, pair->channels);
    if (y / CELL_HEIGHT != work->cells.row) {
        int error = next_row_of_cells(&work->cells, y / CELL_HEIGHT);
        if (error) return error;
    }
    int differs = pair->channels == 3 ? rows_differ(work, first + 1, second + 1, y, 3)
                                      : rows_differ(work, first + 1, second + 1, y, 4);
    work->same[y] = !differs;
    if (differs) {
        for (i64 near = y > 2 * REACH ? y - 2 * REACH : 0; near < y; near++) need_row(&work->first, near);
        work->last_difference = y;
    }
    return DONE;
}

/* ---- 4. SSIM ------------------------------------------------------------------------------------- */

INLINE i64 reflected(i64 at, i64 size) { return at < 0 ? -1 - at : at >= size ? 2 * size - 1 - at : at; }

INLINE u8 gray_of(const u8 *pixel) {
    return (u8)((9798 * pixel[0] + 19235 * pixel[1] + 3735 * pixel[2] + 16384) >> 15);
}

/* Sums of neighbouring products. */
INLINE Integers products(Lanes one, Lanes other) {
#ifdef __x86_64__
    return (Integers)_mm_madd_epi16((__m128i)one, (__m128i)other);
#else
    Integers low = ((Integers)one << 16 >> 16) * ((Integers)other << 16 >> 16);
    return low + ((Integers)one >> 16) * ((Integers)other >> 16);
#endif
}

/* Gray of four pixels, one in each number. Reads 16 bytes. */
INLINE Integers four_grays(const u8 *row, int channels) {
    const Lanes red_green = {9798, 19235, 9798, 19235, 9798, 19235, 9798, 19235};
    const Lanes blue = {3735, 0, 3735, 0, 3735, 0, 3735, 0};
    Bytes zero = {0}, bytes, pairs, singles;
    memcpy(&bytes, row, sizeof bytes);
    if (channels == 3) {
        pairs = SHUFFLED(bytes, zero, 0, 16, 1, 16, 3, 16, 4, 16, 6, 16, 7, 16, 9, 16, 10, 16);
        singles = SHUFFLED(bytes, zero, 2, 16, 16, 16, 5, 16, 16, 16, 8, 16, 16, 16, 11, 16, 16, 16);
    } else {
        pairs = SHUFFLED(bytes, zero, 0, 16, 1, 16, 4, 16, 5, 16, 8, 16, 9, 16, 12, 16, 13, 16);
        singles = SHUFFLED(bytes, zero, 2, 16, 16, 16, 6, 16, 16, 16, 10, 16, 16, 16, 14, 16, 16, 16);
    }
    return (products((Lanes)pairs, red_green) + products((Lanes)singles, blue) + 16384) >> 15;
}

/* Write the gray of four pixels. Reads 16 bytes. */
INLINE void write_grays(u8 *gray, const u8 *row, int channels) {
    Bytes four = (Bytes)four_grays(row, channels);
    Words narrow = (Words)SHUFFLED(four, four, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    memcpy(gray, &narrow, 4);
}

/* Gray of SPAN columns from 3 to the left of a block on; beyond the edges they are reflected. */
INLINE void gray_span(const u8 *row, i64 left, i64 width, u8 *gray, int channels) {
    if (left >= REACH && left - REACH + SPAN <= width) {
        row += (left - REACH) * channels;
        for (int i = 0; i < SPAN; i += 4) write_grays(gray + i, row + channels * i, channels);
    } else {
        for (int i = 0; i < SPAN; i++) {
            i64 column = reflected(left - REACH + i, width);
            gray[i] = column < 0 || column >= width ? 0 : gray_of(row + channels * column);
        }
    }
}

/* Read the gray of a row into a block's columns; rows above and below the picture are reflected. */
INLINE void keep_gray(const Work *work, Columns *columns, i64 left, i64 y, int channels) {
    i64 row = reflected(y, work->pair.height);
    u8 *first = columns->gray[0][y & (KEPT - 1)], *second = columns->gray[1][y & (KEPT - 1)];
    gray_span(stored_row(&work->first, row) + 1, left, work->pair.width, first, channels);
    if (work->same[row])
        memcpy(second, first, SPAN);
    else
        gray_span(stored_row(&work->second, row) + 1, left, work->pair.width, second, channels);
}

/* Add a row to the sums. */
INLINE void add_gray(Columns *restrict columns, const u8 *restrict first, const u8 *restrict second) {
    for (int i = 0; i < SPAN; i++) {
        i32 x = first[i], y = second[i], step = x - y;
        columns->x[i] += (i16)x;
        columns->y[i] += (i16)y;
        columns->squares[i] += x * x + y * y;
        columns->distance[i] += step * step;
    }
}

/* Move the sums down: add a row and take one away. */
INLINE void slide_gray(Columns *restrict columns, const u8 *restrict first, const u8 *restrict second,
                       const u8 *restrict old_first, const u8 *restrict old_second) {
    for (int i = 0; i < SPAN; i++) {
        i32 x = first[i], y = second[i], step = x - y;
        i32 old_x = old_first[i], old_y = old_second[i], old_step = old_x - old_y;
        columns->x[i] += (i16)(x - old_x);
        columns->y[i] += (i16)(y - old_y);
        columns->squares[i] += x * x + y * y - old_x * old_x - old_y * old_y;
        columns->distance[i] += step * step - old_step * old_step;
    }
}

INLINE void move_sums(const Work *work, Columns *columns, i64 left, i64 y, int channels) {
    if (columns->sums_of == y - 1) {
        keep_gray(work, columns, left, y + REACH, channels);
        i64 in = (y + REACH) & (KEPT - 1), out = (y - REACH - 1) & (KEPT - 1);
        slide_gray(columns, columns->gray[0][in], columns->gray[1][in], columns->gray[0][out],
                   columns->gray[1][out]);
    } else {
        memset(columns->x, 0, sizeof columns->x);
        memset(columns->y, 0, sizeof columns->y);
        memset(columns->squares, 0, sizeof columns->squares);
        memset(columns->distance, 0, sizeof columns->distance);
        for (i64 row = y - REACH; row <= y + REACH; row++) {
            keep_gray(work, columns, left, row, channels);
            add_gray(columns, columns->gray[0][row & (KEPT - 1)], columns->gray[1][row & (KEPT - 1)]);
        }
    }
    columns->sums_of = y;
}

#define SEVEN(sums, i) \
    (sums[i] + sums[i + 1] + sums[i + 2] + sums[i + 3] + sums[i + 4] + sums[i + 5] + sums[i + 6])

/*
 * 1 - SSIM of 32 windows. With sums X, Y, S of the squares and D of the squared differences over the 49
 * pixels of a window, SSIM = (1 - p / P) (1 - q / Q), where p = (X - Y)^2, P = X^2 + Y^2 + 49^2 C1,
 * q = 49 D - p and Q = 49 S - (X^2 + Y^2) + 49 * 48 C2. All but the constants are integers below 2^31.
 */
INLINE void dissimilarity_of(const Columns *columns, double *result) {
    i32 shift[BLOCK], level[BLOCK], contrast[BLOCK], spread[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        i32 x = SEVEN(columns->x, i), y = SEVEN(columns->y, i);
        shift[i] = (x - y) * (x - y);
        level[i] = x * x + y * y;
    }
    for (int i = 0; i < BLOCK; i++) {
        contrast[i] = 49 * SEVEN(columns->distance, i) - shift[i];
        spread[i] = 49 * SEVEN(columns->squares, i) - level[i];
    }
    for (int i = 0; i < BLOCK; i++) {
        double p = shift[i], q = contrast[i], P = level[i] + 2401 * C1, Q = spread[i] + 2352 * C2;
        result[i] = (p * Q + q * P - p * q) / (P * Q);
    }
}

/* A number from 0 to 2 in units of 2^-32, rounded; adding 1.5 * 2^52 leaves no room for a fraction. */
#define ROUND(value) (((value) * 4294967296.0 + 6755399441055744.0) - 6755399441055744.0)

INLINE i64 sum_of(const double *values, int from, int to) {
    double rounded[BLOCK], sums[8] = {0};
    for (int i = 0; i < BLOCK; i++) rounded[i] = i >= from && i < to ? ROUND(values[i]) : 0;
    for (int i = 0; i < BLOCK; i += 8)
        for (int k = 0; k < 8; k++) sums[k] += rounded[i + k];
    /* Whole numbers below 2^53: no order of adding changes them. */
    return (i64)(sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7]);
}

/* SSIM of the windows around one row, where differences are within reach. */
INLINE void take_windows(Work *work, i64 y, int channels) {
    const Pair *pair = &work->pair;
    int counts = y >= REACH && y < pair->height - REACH;
    if (!counts && !pair->map) return;
    Columns *columns = work->columns;
    for (i64 left = 0; left < pair->width; left += BLOCK, columns++) {
        if (columns->last_near < y - REACH) continue;
        i64 from = left < REACH ? REACH - left : 0, to = pair->width - REACH - left;
        double values[BLOCK];
        move_sums(work, columns, left, y, channels);
        dissimilarity_of(columns, values);
        if (counts)
            work->figures.dissimilarity += sum_of(values, (int)from, (int)(to < BLOCK ? to : BLOCK));
        if (!pair->map) continue;
        u8 *map = pair->map + y * pair->map_pitch + left;
        for (i64 i = 0; i < BLOCK && left + i < pair->width; i++) {
            double similarity = 1 - values[i];
            map[i] = (u8)(i32)((similarity < 0 ? 0 : similarity) * 255 + 1e-9);
        }
        for (i64 i = 0; i < BLOCK && left + i < pair->width; i++) work->levels[i % 4][map[i]]++;
    }
}

static void take_windows_around(Work *work, i64 y) {
    if (y < 0 || y >= work->pair.height || work->last_difference < y - REACH) return;
    work->pair.channels == 3 ? take_windows(work, y, 3) : take_windows(work, y, 4);
}

/* ---- What is called ------------------------------------------------------------------------------ */

/* Whether so many rows, each of so many bytes and `pitch` bytes after the one before, fit into `size`. */
static int fits(i64 size, i64 pitch, i64 bytes, i64 height) {
    return pitch >= bytes && size >= bytes && pitch <= (size - bytes) / (height - 1);
}

static int are_rows(const u8 *rows, i64 size, i64 width, i64 height, i64 channels) {
    if (!rows || (channels != 3 && channels != 4) || height < 1 || width < 1) return 0;
    if (width > MOST_PIXELS / height) return 0;
    return size >= height * (1 + width * channels) + READ_BEYOND;
}

static int is_sound(const Pair *pair) {
    i64 width = pair->width, height = pair->height;
    if (width < 2 * REACH + 1 || height < 2 * REACH + 1 || pair->first_width < width) return 0;
    if (!are_rows(pair->first, pair->first_size, pair->first_width, height, pair->channels)) return 0;
    if (!are_rows(pair->second, pair->second_size, width, height, pair->channels)) return 0;
    if (pair->equal && (pair->equal_size < height || pair->first_width != width)) return 0;
    if (pair->map && !fits(pair->map_size, pair->map_pitch, width, height)) return 0;
    return !pair->shades || fits(pair->shades_size, pair->shades_pitch, (width + 1) / 2, height);
}

static int compare_all(Work *work) {
    i64 height = work->pair.height;
    for (i64 y = 0; y < height + REACH; y++) {
        int error = y < height ? take_row(work, y) : DONE;
        if (error) return error;
        take_windows_around(work, y - REACH);
    }
    return next_row_of_cells(&work->cells, -1);
}

/* Compare a pair. Returns DONE, or an error, after which there are no figures and nothing to free. */
EXPORT int kernel_compare(const Pair *pair, Figures *figures) {
    memset(figures, 0, sizeof *figures);
    if (!is_sound(pair)) return BAD_ARGUMENT;
    Work work = {.pair = *pair, .size = pair->width * pair->channels, .last_difference = -1000};
    i64 blocks = (pair->width + BLOCK - 1) / BLOCK;
    work.columns = calloc((size_t)blocks, sizeof *work.columns);
    work.nothing = calloc((size_t)(pair->first_width * pair->channels) + READ_BEYOND, 1);
    work.same = calloc((size_t)pair->height, 1);
    int error = open_cells(&work.cells, pair->width);
    if (!work.columns || !work.nothing || !work.same) error = NO_MEMORY;
    if (!error) {
        for (i64 block = 0; block < blocks; block++)
            work.columns[block].sums_of = work.columns[block].last_near = -1000;
        work.first = (File){pair->first, 1 + pair->first_width * pair->channels, pair->channels, work.nothing};
        work.second = (File){pair->second, 1 + work.size, pair->channels, work.nothing};
        error = compare_all(&work);
    }
    if (!error) {
        join_all(&work.cells);
        *figures = work.figures;
        for (int i = 0; i < BLOCK * pair->channels; i++) {
            i64 *largest = &figures->largest[i % pair->channels];
            if (work.largest[i] > *largest) *largest = work.largest[i];
        }
        for (int level = 0; level < 4 * 256; level++)
            figures->levels[level % 256] += work.levels[level / 256][level % 256];
        figures->boxes = work.cells.groups;
        figures->box_count = work.cells.count;
    } else {
        free(work.cells.groups);
    }
    close_cells(&work.cells);
    free(work.columns), free(work.nothing), free(work.same);
    return error;
}

EXPORT void kernel_free(Box *boxes) { free(boxes); }

/* Unfilter the wanted rows of a file, and those above that they depend on; `wanted` has a byte for each row. */
EXPORT int kernel_unfilter(u8 *rows, i64 size, i64 width, i64 height, i64 channels, const u8 *wanted) {
    if (!are_rows(rows, size, width, height, channels) || !wanted) return BAD_ARGUMENT;
    u8 *nothing = calloc((size_t)(width * channels) + READ_BEYOND, 1);
    if (!nothing) return NO_MEMORY;
    const File file = {rows, 1 + width * channels, channels, nothing};
    int error = DONE;
    for (i64 y = 0; y < height && !error; y++) {
        if (stored_row(&file, y)[0] > PAETH) error = BAD_FILTER;
        else if (wanted[y]) need_row(&file, y);
    }
    free(nothing);
    return error;
}

/* ---- 5. Pixels as numbers ------------------------------------------------------------------------ */

/* Rows of `width` RGBA pixels, each a number, `pitch` pixels from one row to the next. */
typedef struct {
    const u32 *pixels;
    i64 pitch, width, height;
} Area;

enum { STEP = 24 };  /* levels of gray between neighbours that count as structure, as in row_digests */
enum { FAINT = 8 };  /* levels; what differs by no more in any channel is faint, as in changes */
enum { SHIFT = 29 }; /* so that words that differ only in their high bits do not mix alike */

static int is_area(const Area *area) {
    if (area->width < 0 || area->height < 0 || area->pitch < area->width) return 0;
    if (area->width && area->height > MOST_PIXELS / area->width) return 0;
    return area->pixels || !area->width || !area->height;
}

static int are_alike(const Area *first, const Area *second) {
    return is_area(first) && is_area(second) && first->width == second->width && first->height == second->height;
}

INLINE const u32 *row_at(const Area *area, i64 y) { return area->pixels + y * area->pitch; }

INLINE u64 pair_at(const u32 *row, i64 i) {
    u64 pair;
    memcpy(&pair, row + 2 * i, 8);
    return pair;
}

/*
 * A number for each row: the sum of its pairs of pixels, mixed with one factor for each pair. With an odd width
 * the last pixel is paired with 0. And whether it has one colour.
 */
EXPORT int kernel_digests(const Area *area, const u64 *factors, u64 *digests, u8 *plain) {
    if (!is_area(area)) return BAD_ARGUMENT;
    i64 width = area->width, pairs = width / 2;
    for (i64 y = 0; y < area->height; y++) {
        const u32 *row = row_at(area, y);
        u64 sum = 0;
        for (i64 i = 0; i < pairs; i++) {
            u64 mixed = pair_at(row, i) * factors[i];
            sum += mixed ^ mixed >> SHIFT;
        }
        if (width % 2) {
            u64 mixed = row[width - 1] * factors[pairs];
            sum += mixed ^ mixed >> SHIFT;
        }
        digests[y] = sum;
        plain[y] = width < 2 || !memcmp(row, row + 1, (size_t)(width - 1) * 4);
    }
    return DONE;
}

/* The highest bit of each of eight bytes, the first one as the highest. */
INLINE u8 as_bits(const u8 *flags) {
    u64 word;
    memcpy(&word, flags, 8);
    return (u8)((word & 0x0101010101010101u) * 0x8040201008040201u >> 56);
}

/* Whether any of 32 pixels differs from its left neighbour. */
INLINE int steps_in(const u32 *at) {
    u32 any = 0;
    for (int i = 0; i < BLOCK; i++) any |= at[i] ^ at[i - 1];
    return any != 0;
}

/* Whether any of 32 pixels differs from that of another row. */
INLINE int differ_in(const u32 *one, const u32 *other) {
    u32 any = 0;
    for (int i = 0; i < BLOCK; i++) any |= one[i] ^ other[i];
    return any != 0;
}

/*
 * Up to 32 pixels of a row, and before them the left neighbour: in the row where all of them are, else in `room`,
 * where the first pixel is its own neighbour and the last one is repeated.
 */
INLINE const u32 *with_neighbour(u32 *room, const u32 *row, i64 left, int count) {
    if (left && count == BLOCK) return row + left - 1;
    room[0] = row[left ? left - 1 : 0];
    for (int i = 0; i < BLOCK; i++) room[1 + i] = row[left + (i < count ? i : count - 1)];
    return room;
}

/*
 * A bit for each pixel whose gray differs by more than STEP levels from its left neighbour's, eight to a byte,
 * the first one as the highest; `bits` has `bits_pitch` bytes for each row, and is 0 beforehand.
 */
EXPORT int kernel_structure(const Area *area, u8 *bits, i64 bits_pitch) {
    if (!is_area(area) || bits_pitch < (area->width + 7) / 8) return BAD_ARGUMENT;
    for (i64 y = 0; y < area->height; y++) {
        const u32 *row = row_at(area, y);
        u8 *to = bits + y * bits_pitch;
        for (i64 left = 0; left < area->width; left += BLOCK, to += BLOCK / 8) {
            int count = area->width - left < BLOCK ? (int)(area->width - left) : BLOCK;
            u32 room[1 + BLOCK];
            if (left && count == BLOCK && !steps_in(row + left)) continue;
            const u32 *pixels = with_neighbour(room, row, left, count);
            u8 gray[1 + BLOCK], flags[BLOCK];
            gray[0] = gray_of((const u8 *)pixels);
            for (int i = 1; i < 1 + BLOCK; i += 4) write_grays(gray + i, (const u8 *)(pixels + i), 4);
            for (int i = 0; i < BLOCK; i++) {
                u8 one = gray[i], other = gray[i + 1];
                flags[i] = (u8)(one > other ? one - other : other - one) > STEP;
            }
            for (int i = 0; i < count; i += 8) to[i / 8] = as_bits(flags + i);
        }
    }
    return DONE;
}

/* How many pixels of each row differ, and the first column that does and the one after the last. */
EXPORT int kernel_differing(const Area *first, const Area *second, i64 *counts, i64 *columns) {
    if (!are_alike(first, second)) return BAD_ARGUMENT;
    i64 left = first->width, right = 0;
    for (i64 y = 0; y < first->height; y++) {
        const u32 *one = row_at(first, y), *other = row_at(second, y);
        u32 count = 0;
        for (i64 i = 0; i < first->width; i++) count += one[i] != other[i];
        counts[y] = count;
        if (!count) continue;
        for (i64 i = 0; i < left; i++)
            if (one[i] != other[i]) left = i;
        for (i64 i = first->width; i-- > right;)
            if (one[i] != other[i]) right = i + 1;
    }
    columns[0] = left < right ? left : 0, columns[1] = right;
    return DONE;
}

/* How many rows are equal from the first one on, or, upwards, from the last one on. */
EXPORT int kernel_equal_rows(const Area *first, const Area *second, int upwards, i64 *rows) {
    if (!are_alike(first, second)) return BAD_ARGUMENT;
    i64 height = first->height, count = 0;
    for (; count < height; count++) {
        i64 y = upwards ? height - 1 - count : count;
        if (memcmp(row_at(first, y), row_at(second, y), (size_t)first->width * 4)) break;
    }
    *rows = count;
    return DONE;
}

/* Add up to 32 pixels of a row that differ to the cells. */
static void add_levels(Cells *cells, const u32 *first, const u32 *second, i64 left, i64 y, i64 count) {
    u8 room[2][BLOCK * 4], steps[BLOCK * 4], differing[BLOCK], weak[BLOCK];
    const u8 *one = (const u8 *)(first + left), *other = (const u8 *)(second + left);
    u32 pixels[BLOCK];
    if (count < BLOCK) {
        memset(room, 0, sizeof room);
        one = memcpy(room[0], one, (size_t)count * 4);
        other = memcpy(room[1], other, (size_t)count * 4);
    }
    for (int i = 0; i < BLOCK * 4; i++) steps[i] = one[i] > other[i] ? one[i] - other[i] : other[i] - one[i];
    memcpy(pixels, steps, sizeof pixels);
    for (int i = 0; i < BLOCK; i++) {
        u32 strong = (((pixels[i] & 0x7f7f7f7f) + (127 - FAINT) * 0x01010101u) | pixels[i]) & 0x80808080;
        differing[i] = pixels[i] != 0;
        weak[i] = (pixels[i] != 0) & (strong == 0);
    }
    for (int i = 0; i < count; i += CELL_WIDTH) {
        u64 columns, faint;
        memcpy(&columns, differing + i, 8);
        memcpy(&faint, weak + i, 8);
        if (!columns) continue;
        u8 largest = 0;
        for (int k = 4 * i; k < 4 * (i + CELL_WIDTH); k++) largest = largest > steps[k] ? largest : steps[k];
        add_to_cell(cells, left + i, y, columns, (i64)(faint * 0x0101010101010101u >> 56), largest);
    }
}

/* Boxes around all pixels that differ, those near each other as one; to be given back by kernel_free. */
EXPORT int kernel_boxes(const Area *first, const Area *second, Box **boxes, i64 *box_count) {
    *boxes = NULL, *box_count = 0;
    if (!are_alike(first, second)) return BAD_ARGUMENT;
    Cells cells;
    int error = open_cells(&cells, first->width);
    for (i64 y = 0; y < first->height && !error; y++) {
        const u32 *one = row_at(first, y), *other = row_at(second, y);
        for (i64 left = 0; left < first->width && !error; left += BLOCK) {
            i64 count = first->width - left < BLOCK ? first->width - left : BLOCK;
            int differ = count == BLOCK ? differ_in(one + left, other + left)
                                        : memcmp(one + left, other + left, (size_t)count * 4);
            if (!differ) continue;
            if (y / CELL_HEIGHT != cells.row) error = next_row_of_cells(&cells, y / CELL_HEIGHT);
            if (!error) add_levels(&cells, one, other, left, y, count);
        }
    }
    if (!error) error = next_row_of_cells(&cells, -1);
    if (!error) {
        join_all(&cells);
        *boxes = cells.groups, *box_count = cells.count;
    } else {
        free(cells.groups);
    }
    close_cells(&cells);
    return error;
}

/* Set those of up to 32 columns, from `left` on, that differ from their left neighbours to anything but 0. */
static void add_steps(u32 *busy, const Area *area, i64 left, int count) {
    for (i64 y = 0; y < area->height; y++) {
        const u32 *at = row_at(area, y) + left;
        for (int i = 0; i < count; i++) busy[i] |= at[i] ^ at[i - 1];
    }
}

/* How many columns go on from `at` to the right, or to the left, see kernel_going_on. */
static i64 going_on(const Area *first, const Area *second, i64 at, int way, i64 gap) {
    i64 count = 0, still = 0;
    while (at > 0 && at < first->width) {
        i64 left = way > 0 ? at : at - BLOCK + 1, right = way > 0 ? at + BLOCK : at + 1;
        if (left < 1) left = 1;
        if (right > first->width) right = first->width;
        u32 busy[BLOCK] = {0};
        add_steps(busy, first, left, (int)(right - left));
        add_steps(busy, second, left, (int)(right - left));
        for (; at >= left && at < right; at += way) {
            count++;
            still = busy[at - left] ? 0 : still + 1;
            if (still == gap) return count - gap;
        }
    }
    return count - still;
}

/*
 * How many columns to the left of `begin`, and from `end` on, go on: until as many as `gap` follow one another
 * that equal their left neighbours in both areas, or the area ends.
 */
EXPORT int kernel_going_on(const Area *first, const Area *second, i64 begin, i64 end, i64 gap, i64 *counts) {
    if (!are_alike(first, second) || begin < 0 || end <= begin || end > first->width || gap < 1)
        return BAD_ARGUMENT;
    counts[0] = going_on(first, second, begin - 1, -1, gap);
    counts[1] = going_on(first, second, end, 1, gap);
    return DONE;
}

/*
 * The same pixels in fewer bytes, some rows at a time. First a bit for each pixel, eight to a byte, the first one
 * as the highest, rows begin with a whole byte; it is 1 for the first pixel of a row and for each that differs
 * from the one to its left. Then these pixels. `size` says how many bytes are written to `packed`.
 */
EXPORT int kernel_packed(const Area *area, i64 rows, u8 *packed, i64 room, i64 *size) {
    i64 pitch = (area->width + 7) / 8;
    if (!is_area(area) || rows < 1 || area->height * (pitch + 4 * area->width) > room) return BAD_ARGUMENT;
    u8 *bits = packed, *kept = packed;
    for (i64 y = 0; y < area->height; y++) {
        const u32 *row = row_at(area, y);
        if (y % rows == 0) {
            bits = kept;
            kept += (area->height - y < rows ? area->height - y : rows) * pitch;
        }
        for (i64 left = 0; left < area->width; left += BLOCK) {
            int count = area->width - left < BLOCK ? (int)(area->width - left) : BLOCK;
            u32 room[1 + BLOCK];
            u8 flags[BLOCK];
            if (left && count == BLOCK && !steps_in(row + left)) {
                memset(bits, 0, BLOCK / 8);
                bits += BLOCK / 8;
                continue;
            }
            const u32 *pixels = with_neighbour(room, row, left, count);
            for (int i = 0; i < BLOCK; i++) flags[i] = pixels[1 + i] != pixels[i];
            if (!left) flags[0] = 1;
            for (int part = 0; part < count; part += 8) {
                u8 found = as_bits(flags + part);
                *bits++ = found;
                if (!found) continue;
                if (found == 255) {
                    memcpy(kept, pixels + 1 + part, 32);
                    kept += 32;
                    continue;
                }
                for (int i = part; i < part + 8 && i < count; i++) { /* the next one kept replaces any other */
                    memcpy(kept, pixels + 1 + i, 4);
                    kept += 4 * flags[i];
                }
            }
        }
    }
    *size = kept - packed;
    return DONE;
}

/* The digest of the source and the flags with which it was compiled. */
EXPORT const char *kernel_source(void) { return KERNEL_SOURCE; }

/* The level of x86-64 that the processor and the system support: 1, 2 or 3. Other processors have one. */
EXPORT int kernel_level(void) {
#ifdef __x86_64__
    enum { SSE3 = 1 << 0, SSSE3 = 1 << 9, FMA = 1 << 12, CX16 = 1 << 13, SSE4 = 3 << 19, MOVBE = 1 << 22 };
    enum { POPCNT = 1 << 23, OSXSAVE = 1 << 27, AVX = 1 << 28, F16C = 1 << 29, LZCNT = 1 << 5 };
    enum { BMI1 = 1 << 3, AVX2 = 1 << 5, BMI2 = 1 << 8, WIDE_REGISTERS = 6 };
    u32 a, b, c, d, kept;
    if (!__get_cpuid(1, &a, &b, &c, &d) || ~c & (SSE3 | SSSE3 | CX16 | SSE4 | POPCNT)) return 1;
    if (~c & (FMA | MOVBE | OSXSAVE | AVX | F16C)) return 2;
    __asm__ volatile("xgetbv" : "=a"(kept), "=d"(d) : "c"(0)); /* what the system keeps of a process */
    if (~kept & WIDE_REGISTERS || !__get_cpuid(0x80000001, &a, &b, &c, &d) || ~c & LZCNT) return 2;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || ~b & (BMI1 | AVX2 | BMI2)) return 2;
    return 3;
#else
    return 2;
#endif
}
