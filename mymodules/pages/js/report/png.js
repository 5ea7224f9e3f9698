// Exact pixels of a file: samples row by row, with `lead` bytes before each row.
//
// A canvas with a picture from a disk cannot be read, and every canvas holds colours multiplied by alpha. So PNG files
// of 8 bits a channel without interlacing are decoded here; the report has such files for most other pictures. Opaque
// JPEG and WebP files, which would be ten times as large as PNG, are decoded by the browser. Their pixels are used if
// their digest is that of the comparison's.

import { between, element } from "../elements.js";
import { TILE } from "../viewer/modes.js";

export const TYPES = { png: "image/png", jpg: "image/jpeg", webp: "image/webp" };

export function readFile(bytes, { values, sha256 }) {
  return sha256 ? readDrawn(bytes, TYPES[values.split(".").pop()], sha256) : readPng(bytes);
}

async function readDrawn(bytes, type, sha256) {
  if (!crypto.subtle) {
    throw new Error("browsers can check JPEG and WebP files only in a page from a disk or from https");
  }
  const asStored = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), asStored);
  const { width, height } = bitmap;
  const context = element("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rows = context.getImageData(0, 0, width, height).data;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", rows));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw new Error("this browser decodes the file differently from the comparison");
  return { width, height, channels: 4, lead: 0, rows };
}

// The chunks that matter: size, colour type, palette, alpha, and the packed rows.
function chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = { packed: [], palette: null, alpha: null };
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") {
      Object.assign(found, { width: view.getUint32(at + 8), height: view.getUint32(at + 12), kind: data[9] });
    } else if (name === "PLTE") found.palette = data;
    else if (name === "tRNS") found.alpha = data;
    else if (name === "IDAT") found.packed.push(data);
    else if (name === "IEND") break;
    at += length + 12;
  }
  return found;
}

export async function readPng(bytes) {
  const { width, height, kind, palette, alpha, packed } = chunksOf(bytes);
  const channels = [1, 0, 3, 1, 2, 0, 4][kind];
  const inflated = new Blob(packed).stream().pipeThrough(new DecompressionStream("deflate"));
  const unpacked = new Response(inflated).arrayBuffer().catch(() => {
    throw new Error("this browser cannot unpack the file's pixels"); // a few bytes after the end are enough for that
  });
  const rows = new Uint8Array(await unpacked);
  unfilter(rows, height, 1 + width * channels, channels);
  return { width, height, channels, lead: 1, rows, colours: kind === 3 ? { palette, alpha } : null };
}

// Undo the filters in place; each row begins with its filter (PNG specification, chapter 9).
function unfilter(rows, height, stride, back) {
  for (let y = 0; y < height; y += 1) {
    const from = y * stride + 1;
    const to = from + stride - 1;
    const filter = rows[from - 1];
    const up = y ? stride : 0;
    if (filter === 1) {
      for (let at = from + back; at < to; at += 1) rows[at] += rows[at - back];
    } else if (filter === 2) {
      if (up) for (let at = from; at < to; at += 1) rows[at] += rows[at - up];
    } else if (filter === 3) {
      for (let at = from; at < to; at += 1) {
        rows[at] += ((at - back >= from ? rows[at - back] : 0) + (up ? rows[at - up] : 0)) >> 1;
      }
    } else if (filter === 4) {
      for (let at = from; at < to; at += 1) rows[at] += paeth(rows, at, at - back >= from ? back : 0, up);
    }
  }
}

function paeth(rows, at, back, up) {
  const left = back ? rows[at - back] : 0;
  const above = up ? rows[at - up] : 0;
  const corner = back && up ? rows[at - up - back] : 0;
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

// RGBA of up to TILE x TILE px from (x, y) on.
export function piece({ width, height, channels, lead, rows, colours }, x, y) {
  const wide = between(0, width - x, TILE);
  const high = between(0, height - y, TILE);
  const data = new Uint8Array(4 * wide * high);
  let to = 0;
  for (let row = y; row < y + high; row += 1) {
    let at = row * (lead + width * channels) + lead + x * channels;
    for (let column = 0; column < wide; column += 1, at += channels, to += 4) {
      const value = rows[at];
      if (colours) {
        data.set([...colours.palette.subarray(3 * value, 3 * value + 3), colours.alpha?.[value] ?? 255], to);
      } else if (channels < 3) data.set([value, value, value, channels === 2 ? rows[at + 1] : 255], to);
      else data.set([value, rows[at + 1], rows[at + 2], channels === 4 ? rows[at + 3] : 255], to);
    }
  }
  return { width: wide, height: high, data };
}
