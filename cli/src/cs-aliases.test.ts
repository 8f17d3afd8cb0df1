import { describe, expect, test } from 'vitest';
import { ALIASES, aliasHelp, expandAlias } from './cs-aliases.ts';

describe('names from the Lync Server Management Shell', () => {
  test.each([
    ['New-CsUser bob --display-name Bob', 'create user bob --display-name Bob'],
    ['get-csuser', 'get user'],
    ['Disable-CsUser -Identity bob', 'set user bob enabled=false'],
    ['Enable-CsUser bob -o json', 'set user bob -o json enabled=true'],
    [
      'Set-CsExternalAccessPolicy NoOutside -OutsideAccess $false',
      'set externalaccesspolicy NoOutside outsideAccess=false',
    ],
    [
      'New-CsPresencePolicy -Identity Private -PrivacyMode $True',
      'create presencepolicy Private privacyMode=true',
    ],
    [
      'Grant-CsExternalAccessPolicy -Identity bob -PolicyName NoOutside',
      'set user bob policies.externalAccess="NoOutside"',
    ],
    ['Grant-CsPresencePolicy bob $null', 'set user bob policies.presence=null'],
    ['Grant-CsPresencePolicy bob', 'set user bob policies.presence=null'],
    ['Get-CsManagementStoreReplicationStatus', 'get replicas'],
    ['Publish-CsTopology -f x.yaml', 'apply -f x.yaml'],
    ['Test-CsIM --server sip.contoso.com:5061', 'test im --server sip.contoso.com:5061'],
    ['Get-CsPoolFabricState -PoolFqdn frontend', 'get pool frontend'],
    ['Get-CsUserPoolInfo -Identity bob', 'describe user bob'],
    ['Invoke-CsComputerFailOver -ComputerName frontend-1', 'drain frontend-1'],
    ['Stop-CsWindowsService -Graceful -ComputerName frontend-1', 'drain frontend-1'],
    ['get users', 'get users'],
  ])('%s is %s', (typed, meant) => {
    expect(expandAlias(typed.split(' '))).toEqual(meant.split(' '));
  });

  test('a tag that looks like a number stays text', () => {
    expect(expandAlias(['Grant-CsPresencePolicy', 'bob', '2013'])).toContain('policies.presence="2013"');
  });

  test('are all in the help', () => {
    for (const name of ALIASES.keys()) expect(aliasHelp()).toContain(name);
  });
});
