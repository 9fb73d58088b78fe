/**
 * Where the server is that this page comes from, and which database is looked at when the URL names none.
 *
 * The page may lie behind a proxy's prefix, and behind `/db/NAME/`, which every path of the server takes: there that
 * database is the usual one, and the others are looked at all the same.
 */
const here = new URL('.', document.baseURI);
const prefix = /\/db\/([^/]+)\/$/.exec(here.pathname);

/** Ends with a slash. */
export const SERVER_URL = prefix === null ? here.href : new URL('../../', here).href;

export const USUAL_DATABASE = prefix === null ? 'default' : decodeURIComponent(prefix[1]);

/** The server's own metrics. */
export const INTERNAL_DATABASE = '_internal';
