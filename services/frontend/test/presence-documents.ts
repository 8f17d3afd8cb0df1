// Documents as foreign clients send them, byte for byte but for line ends.

/** linphone 5.1.65, online. */
export const linphoneOnline = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:pidfonline="http://www.linphone.org/xsds/pidfonline.xsd" entity="sip:bob@contoso.lab" xmlns="urn:ietf:params:xml:ns:pidf">
 <tuple id="fyax30">
  <status>
   <basic>open</basic>
   <pidfonline:online/>
  </status>
  <contact priority="0.8">sip:bob@contoso.lab</contact>
  <timestamp>2026-11-21T10:26:31Z</timestamp>
 </tuple>
</presence>
`;

const linphoneAway = (basic: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@contoso.lab" xmlns="urn:ietf:params:xml:ns:pidf">
 <tuple id="jwxded">
  <status>
   <basic>${basic}</basic>
  </status>
  <contact priority="0.8">sip:bob@contoso.lab</contact>
  <timestamp>2026-11-21T10:27:34Z</timestamp>
 </tuple>
 <dm:person id="bo16t7">
  <rpid:activities>
   <rpid:away/>
  </rpid:activities>
  <timestamp>2026-11-21T10:27:34Z</timestamp>
 </dm:person>
</presence>
`;

/** linphone 5.1.65, its consolidated presence "busy". */
export const linphoneBusy = linphoneAway('open');
/** linphone 5.1.65, its consolidated presence "do not disturb". */
export const linphoneDoNotDisturb = linphoneAway('closed');

/** baresip 1.0.0; the basic value comes from its state, and is not always one that PIDF knows. */
export const baresip = (basic: string): string => `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
    xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
    xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"
    entity="sip:alice@contoso.lab">
  <dm:person id="p4159"><rpid:activities/></dm:person>
  <tuple id="t4109">
    <status>
      <basic>${basic}</basic>
    </status>
    <contact>sip:alice@contoso.lab</contact>
  </tuple>
</presence>
`;

export interface DocumentParts {
  basic?: string;
  /** Elements within rpid:activities, for example `<rpid:away/>`. */
  activities?: string;
  /** Elements within presence. */
  more?: string;
}

/** A document in the form that the examples of RFC 4480 have. */
export function document({ basic = 'open', activities, more = '' }: DocumentParts = {}): string {
  const person =
    activities === undefined
      ? ''
      : `<dm:person id="p"><rpid:activities>${activities}</rpid:activities></dm:person>`;
  return `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@contoso.lab"><tuple id="t"><status><basic>${basic}</basic></status></tuple>${more}${person}</presence>`;
}
