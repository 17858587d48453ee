using System;

namespace Qed.Server.Protocol;

/// <summary>A client sent what no client may send, and nothing that it sends can be understood any more: it is cut off.</summary>
internal sealed class ProtocolException(string message) : Exception(message);
