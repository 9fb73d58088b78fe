/** Exit codes are part of the interface: scripts and service managers act on them. */
export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
export const EXIT_DATA = 3;
export const EXIT_LISTEN = 4;
