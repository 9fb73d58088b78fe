/** What an answer 401 asks for, so that browsers and curl know to send a name and password. */
export const CHALLENGE = 'Basic realm="Varve", charset="UTF-8"';
