#!/usr/bin/env node
/** In place of `mcp-master serve`, for a desktop client: the same, with a strategy of one's own. */
import process from 'node:process';
import { loadConfig, MasterServer, MultiAuthManager } from 'mcp-master';
import { SignedRequests } from './signed-requests.mjs';

const config = await loadConfig();
const auth = new MultiAuthManager(config.master_oauth);
auth.registerServerAuth('orders', new SignedRequests(process.env.ORDERS_KEY));

await new MasterServer(config).attachAuthManager(auth).serve();
