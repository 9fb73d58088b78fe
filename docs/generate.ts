/** `npm run docs`: writes the pages that are made from the sources. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../config/document.ts';

writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
