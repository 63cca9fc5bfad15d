/** ttrpc: client, server and the frame codec. */
package dev.casemate.rpc;
