/** `npm run docs`: writes the pages that are made from the sources. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../config/document.ts';
import { openApiDocument } from './openapi/document.ts';

writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
writeFileSync(new URL('openapi.json', import.meta.url), `${JSON.stringify(openApiDocument(), null, 2)}\n`);
