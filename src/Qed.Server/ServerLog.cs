using System;
using Microsoft.Extensions.Logging;

namespace Qed.Server;

/// <summary>Every message of the server's log. Once a version is out a number stays what it is; a new message takes the next.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1001, LogLevel.Information, "Serving {Exports} exports at {Address}.")]
    internal static partial void Listening(ILogger logger, int exports, string address);

    [LoggerMessage(1002, LogLevel.Debug, "Client {Client} connected.")]
    internal static partial void Connected(ILogger logger, long client);

    [LoggerMessage(1003, LogLevel.Information, "Client {Client} uses the export '{Export}'.")]
    internal static partial void Attached(ILogger logger, long client, string export);

    [LoggerMessage(1004, LogLevel.Information, "Client {Client} left after {Requests} requests.")]
    internal static partial void Left(ILogger logger, long client, long requests);

    [LoggerMessage(1005, LogLevel.Warning, "Client {Client} was cut off: {Reason}.")]
    internal static partial void CutOff(ILogger logger, long client, string reason);

    [LoggerMessage(1006, LogLevel.Warning, "Client {Client} asked for something that no client may: {Reason}.")]
    internal static partial void Refused(ILogger logger, long client, string reason);

    [LoggerMessage(1007, LogLevel.Error, "A request of client {Client} failed: {Reason}")]
    internal static partial void Failed(ILogger logger, long client, string reason);

    [LoggerMessage(1008, LogLevel.Critical, "A request of client {Client} met a fault of the program.")]
    internal static partial void Fault(ILogger logger, Exception fault, long client);

    [LoggerMessage(1009, LogLevel.Warning, "Client {Client} goes on failing; nothing more is said of it.")]
    internal static partial void NothingMore(ILogger logger, long client);

    [LoggerMessage(1010, LogLevel.Debug, "The connection of client {Client} failed: {Reason}")]
    internal static partial void ConnectionFailed(ILogger logger, long client, string reason);

    [LoggerMessage(1011, LogLevel.Information, "'{Overlay}' stands alone: '{Path}' is not needed for it any more.")]
    internal static partial void StandsAlone(ILogger logger, string overlay, string path);

    [LoggerMessage(1012, LogLevel.Warning, "'{Path}' is copied into '{Overlay}' no further; what clients do goes on, and the copying does when the image is served anew: {Reason}")]
    internal static partial void NotCopied(ILogger logger, string path, string overlay, string reason);

    [LoggerMessage(1013, LogLevel.Critical, "Copying into '{Overlay}' met a fault of the program.")]
    internal static partial void CopyFault(ILogger logger, Exception fault, string overlay);

    [LoggerMessage(1014, LogLevel.Information, "'{Overlay}' stands alone and is what is served; '{Path}' is not looked at.")]
    internal static partial void StoodAlone(ILogger logger, string overlay, string path);

    [LoggerMessage(1015, LogLevel.Error, "No client can be let in, and those who come wait: {Reason}")]
    internal static partial void NobodyLetIn(ILogger logger, string reason);
}
