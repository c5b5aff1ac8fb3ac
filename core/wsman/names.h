/* Names that envelopes are made of and answers are read by. */
#ifndef BATON_WSMAN_NAMES_H
#define BATON_WSMAN_NAMES_H

#define NS_SOAP      "http://www.w3.org/2003/05/soap-envelope"
#define NS_ADDR      "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_WSMAN     "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_WSMV      "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
#define NS_SHELL     "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define NS_FAULT     "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"

#define TRANSFER     "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
#define ANONYMOUS    NS_ADDR "/role/anonymous"
#define RESOURCE_CMD NS_SHELL "/cmd"
#define STATE_DONE   NS_SHELL "/CommandState/Done"
#define TERMINATE    NS_SHELL "/signal/terminate"

#endif
