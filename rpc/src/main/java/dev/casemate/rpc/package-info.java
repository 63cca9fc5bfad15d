/**
 * ttrpc (containerd/ttrpc, PROTOCOL.md), unary calls only: {@link dev.casemate.rpc.TtrpcClient} and
 * {@link dev.casemate.rpc.TtrpcServer} for the host, whose threads block; {@link
 * dev.casemate.rpc.TtrpcSession} for the agent's single-threaded loop. Beneath them {@link
 * dev.casemate.rpc.FrameDecoder} and the protobuf wire format, {@link
 * dev.casemate.protobuf.ProtoReader} and {@link dev.casemate.protobuf.ProtoWriter}. Nothing here
 * opens a descriptor; bytes come and go through {@link dev.casemate.rpc.Channel}.
 */
package dev.casemate.rpc;
