using Qed.Server.Protocol;

namespace Qed.Server.Listing;

/// <summary>One of a server's answers to an option.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Data">What it carries.</param>
internal sealed record OptionAnswer(OptionReply Kind, byte[] Data);
