// Prints the OpenAPI document of the web surface; `npm run gen` writes it to docs/openapi/persistent-chat.json.
import { createOpenApi } from '../src/web/openapi.ts';

process.stdout.write(`${JSON.stringify(createOpenApi(), null, 2)}\n`);
