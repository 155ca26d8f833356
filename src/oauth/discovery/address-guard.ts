import ipaddr from 'ipaddr.js';
import { McpMasterError } from '../../errors.ts';

/** Where an address can be reached from. */
export type Network = 'public' | 'private' | 'loopback' | 'link-local';

/** Looks up a host's addresses, within the time that the system takes; rejects when there are none. */
export type ResolveHost = (hostname: string) => Promise<string[]>;

/** Keeps what strangers write into their metadata from leading our requests into the user's networks. */
export interface AddressGuard {
  /**
   * Rejects with `DISCOVERY_FAILED` when `url` must not be followed. A redirect (`from`) may only lead
   * to public addresses, or to the kind of network that it came from.
   */
  check(url: URL, from?: URL): Promise<void>;
}

const DISCOVERY_HINT =
  'If that address is right, set `issuer`, or `authorization_endpoint` and `token_endpoint`, in `auth_config` of this server.';

/** RFC 6052 §2.1: public hosts have such addresses in networks without IPv4. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * The guard for what is reached through `trusted`, a URL of the user's own: a public one leads to
 * public addresses only, another also to private and loopback ones; link-local ones (metadata services
 * of clouds) are for link-local servers. Its own origin is always fine.
 *
 * It judges names by a look-up of its own, so it is no defence against a name server that answers the
 * connection otherwise. A name that can't be looked up counts as public: a company proxy knows it.
 *
 * @param hint what to do about a refusal. Default: what lets the discovery of a login go on
 */
export async function createAddressGuard(
  trusted: URL,
  resolve: ResolveHost,
  hint = DISCOVERY_HINT,
): Promise<AddressGuard> {
  const refusal = (url: URL, network: Network, from: URL) => {
    const why = `${from.host} leads to ${url.host}, which has a ${network} address, and is not followed there`;
    return new McpMasterError('DISCOVERY_FAILED', why, { hint });
  };
  const own = await networksOf(trusted, resolve);
  const allowed = reachableFrom(own);
  return {
    async check(url, from) {
      if (url.origin === (from ?? trusted).origin) return;
      const networks = await networksOf(url, resolve);
      const refused = networks.find((network) => !allowed.includes(network));
      if (refused !== undefined) throw refusal(url, refused, trusted);
      if (from === undefined) return;
      const before = await networksOf(from, resolve);
      const entered = networks.find((item) => item !== 'public' && !before.includes(item));
      if (entered !== undefined) throw refusal(url, entered, from);
    },
  };
}

/** The kind of network that an IP address belongs to; what is not for the internet is `private`. */
export function networkOf(text: string): Network {
  if (!ipaddr.isValid(text)) return 'private';
  // `process` takes an IPv4 address out of its IPv6 form.
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv6 && address.match(NAT64)) {
    return networkOf(address.toByteArray().slice(12).join('.'));
  }
  switch (address.range()) {
    case 'unicast':
      return 'public';
    case 'loopback':
    // Systems connect 0.0.0.0 and :: to themselves.
    case 'unspecified':
      return 'loopback';
    case 'linkLocal':
      return 'link-local';
    default:
      return 'private';
  }
}

function reachableFrom(networks: readonly Network[]): readonly Network[] {
  // One public address is enough: whoever runs the server chooses what else its name means.
  if (networks.includes('public')) return ['public'];
  const inside = ['public', 'private', 'loopback'] as const;
  return networks.includes('link-local') ? [...inside, 'link-local'] : inside;
}

async function networksOf({ hostname }: URL, resolve: ResolveHost): Promise<readonly Network[]> {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host === 'localhost' || host.endsWith('.localhost')) return ['loopback'];
  if (ipaddr.isValid(host)) return [networkOf(host)];
  // Not known here: the proxy that the request goes through looks it up.
  const addresses = await resolve(host).catch(() => []);
  return addresses.length === 0 ? ['public'] : addresses.map(networkOf);
}
