namespace Qed.Server;

/// <summary>What a server has done so far.</summary>
/// <param name="Clients">Clients that are connected.</param>
/// <param name="Requests">Requests that clients have sent.</param>
/// <param name="ReadBytes">Bytes that they asked for.</param>
/// <param name="WrittenBytes">Bytes that they sent to be written.</param>
public readonly record struct ServerTraffic(int Clients, long Requests, long ReadBytes, long WrittenBytes);
