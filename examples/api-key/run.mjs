#!/usr/bin/env node
/** Two servers with API keys, in the forms that they want: `node examples/api-key/run.mjs`. */
import { randomUUID } from 'node:crypto';
import { heading, say } from '../demo/print.mjs';
import { expect, runExample } from '../support/example.mjs';
import { openMaster } from '../support/master.mjs';
import { startMcpServer } from '../support/mcp-server.mjs';

const CONFIG = new URL('config.yaml', import.meta.url);

await runExample(async (later) => {
  const [weatherKey, mapsKey] = [`weather-${randomUUID()}`, `maps-${randomUUID()}`];
  const weather = await startMcpServer({
    admit: (headers) => (headers['x-api-key'] === weatherKey ? 'the weather app' : undefined),
  });
  later(weather.close);
  const maps = await startMcpServer({
    admit: (headers) => (headers.authorization === `Token ${mapsKey}` ? 'the maps app' : undefined),
  });
  later(maps.close);

  heading('1. One key comes from the environment, the other one is stored');
  const env = { WEATHER_URL: weather.url, MAPS_URL: maps.url, WEATHER_KEY: weatherKey };
  const master = await openMaster({ config: CONFIG, env }, later);
  await master.run(['secret', 'set', 'maps'], { input: mapsKey });
  await master.run(['auth', 'status']);

  heading('2. Each server gets its own key');
  const client = await master.connect();
  await client.call('weather__whoami');
  await client.call('maps__whoami');

  heading('3. What the servers saw');
  const [atWeather, atMaps] = [weather.credentials(), maps.credentials()];
  say(`weather: ${atWeather}\nmaps: ${atMaps}`);
  expect(`${atWeather}` === `x-api-key: ${weatherKey}`, 'nothing but its key at weather');
  expect(`${atMaps}` === `authorization: Token ${mapsKey}`, 'nothing but its key at maps');
});
