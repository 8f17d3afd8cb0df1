import { command } from './command.ts';
import { fetchCredentials, home } from './home.ts';
import { NAMESPACE, RELEASE } from './kube.ts';
import { caFile, env, kubeconfig } from './machine.ts';
import { DOMAIN, PORTS } from './ports.ts';

/** Where clients connect, who may sign in, and how to administer. */
export async function signInHelp(): Promise<string> {
  await fetchCredentials();
  return `
Clients, on this machine (the certificates are signed by ${caFile}):
  from outside, through Edge      SIP over TLS 127.0.0.1:${PORTS.edgeTls}, wss://127.0.0.1:${PORTS.edgeWss}
  from inside, to a Front End     SIP over UDP and TCP 127.0.0.1:${PORTS.sip}, TLS 127.0.0.1:${PORTS.sipTls}

Sign in as (domain ${DOMAIN}):
${await sampleUsers()}

Administer:
  export LINCHPIN_CMS=127.0.0.1:${PORTS.cms} LINCHPIN_HOME=${home} KUBECONFIG=${kubeconfig}
  ./linchpin get pool frontend; ./linchpin create user dora; kubectl -n ${NAMESPACE} get pods`;
}

async function sampleUsers(): Promise<string> {
  const args = ['-n', NAMESPACE, 'get', 'secret', `${RELEASE}-sample-users`, '-o', 'json'];
  const { data } = JSON.parse(await command('kubectl', args, { env })) as { data: Record<string, string> };
  return Object.entries(data)
    .map(([name, password]) => `  ${name}@${DOMAIN}  ${Buffer.from(password, 'base64')}`)
    .join('\n');
}
