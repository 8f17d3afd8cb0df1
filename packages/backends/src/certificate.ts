import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Identity } from './authority.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
const ROOT_DAYS = 3650;
/** Clients such as Apple's refuse TLS server certificates that are valid for longer than 825 days. */
const LEAF_DAYS = 800;
/** Clients whose clock is behind ours must accept a certificate that is minutes old. */
const CLOCK_SKEW_MS = 3600 * 1000;

x509.cryptoProvider.set(webcrypto as Crypto);

export interface PemPair {
  cert: string;
  key: string;
}

export async function createRoot(): Promise<PemPair> {
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...frame(ROOT_DAYS),
    name: [{ CN: ['Linchpin private CA'] }],
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(cert, keys);
}

/** A certificate for both ends of a mutual TLS connection (RFC 5280 4.2.1.12), which does not outlive the CA. */
export async function signIdentity(identity: Identity, caPem: string, caKeyPem: string): Promise<PemPair> {
  const root = new x509.X509Certificate(caPem);
  const keys = await generateKeys();
  const cert = await x509.X509CertificateGenerator.create({
    ...frame(LEAF_DAYS, root.notAfter),
    subject: [{ CN: [identity.name] }],
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(caKeyPem),
    extensions: await leafExtensions(identity, root, keys.publicKey),
  });
  return pair(cert, keys);
}

async function leafExtensions({ dns, ips = [] }: Identity, root: x509.X509Certificate, publicKey: CryptoKey) {
  const names = [
    ...dns.map((value) => ({ type: 'dns' as const, value })),
    ...ips.map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    new x509.SubjectAlternativeNameExtension(names),
    await x509.AuthorityKeyIdentifierExtension.create(root, false),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

function frame(days: number, latestEnd?: Date) {
  const now = Date.now();
  const end = now + days * DAY_MS;
  return {
    // RFC 5280 4.1.2.2: positive, at most 20 octets.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(Math.min(end, latestEnd?.getTime() ?? end)),
    signingAlgorithm: ALGORITHM,
  };
}

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const importKey = (pem: string) =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);

async function pair(cert: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<PemPair> {
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return { cert: `${cert.toString('pem')}\n`, key: `${key}\n` };
}
