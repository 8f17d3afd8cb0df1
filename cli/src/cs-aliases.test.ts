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
    [
      'New-CsPersistentChatCategory -Name Trading -PersistentChatPoolFqdn chat.contoso.com -EnableFileUpload',
      'create category Trading fileUpload=true',
    ],
    [
      'Set-CsPersistentChatCategory -Identity chat.contoso.com\\Trading -AllowedMembers domain:contoso.com -EnableChatHistory $false',
      'set category Trading allowed=domain:contoso.com chatHistory=false',
    ],
    [
      'New-CsPersistentChatRoom -Name Desk -Category chat.contoso.com\\Trading -Type Auditorium -Privacy Secret',
      'create room Desk category=Trading kind=auditorium privacy=secret',
    ],
    ['Set-CsPersistentChatRoom Desk -Disabled $True -Name Floor', 'set room Desk disabled=true name=Floor'],
    ['Get-CsPersistentChatRoom', 'get room'],
    ['Remove-CsPersistentChatRoom -Identity Desk', 'delete room Desk'],
    [
      'Clear-CsPersistentChatRoom -Identity Desk -EndDate 2026-03-01T00:00:00Z',
      'purge Desk --before 2026-03-01T00:00:00Z --why Clear-CsPersistentChatRoom',
    ],
    [
      'Remove-CsPersistentChatMessage Desk -UserUri sip:bob@contoso.com -Filter secret',
      'purge Desk --author sip:bob@contoso.com --filter secret --why Remove-CsPersistentChatMessage',
    ],
    [
      'Import-CsPersistentChatData -DBInstance sql\\rtc -FileName data.zip --category Old --dry-run',
      'import persistent-chat-data data.zip --category Old --dry-run',
    ],
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
