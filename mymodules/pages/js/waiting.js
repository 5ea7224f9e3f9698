// What a page says while its kernel does not answer, and when it says so.

export const PATIENCE = 2500; // ms
export const BUSY = "Waiting for the kernel: it is busy, or there is none. Then run the cell again.";
export const GONE = "The kernel has ended: run the cell again.";
