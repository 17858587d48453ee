using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using Qed.Server.Listening;
using Qed.Server.Listing;
using Qed.Server.Protocol;

namespace Qed.Server;

/// <summary>What a server offers, asked for as a client, whoever wrote the server.</summary>
public static class NbdExportList
{
    private const int Patience = 30_000;

    /// <summary>Asks a server.</summary>
    /// <param name="address">Where it listens.</param>
    /// <exception cref="DiskImageException">
    /// ImageNotFound where nobody listens there; UnsupportedFeature where the server wants TLS or does not tell; ImageCorrupt
    /// where it does not speak NBD.
    /// </exception>
    public static IReadOnlyList<NbdExportDescription> Read(NbdAddress address)
    {
        if (address is null)
            throw new ArgumentNullException(nameof(address));
        try
        {
            using Socket socket = Connect(address);
            using var stream = new NetworkStream(socket, ownsSocket: false);
            var client = new OptionClient(stream);
            client.Greet();
            bool isStructured = client.TryAsk(NbdOption.StructuredReply, []) is not null;
            IReadOnlyList<OptionAnswer> listed = client.TryAsk(NbdOption.List, [])
                ?? throw new DiskImageException(ErrorKind.UnsupportedFeature, "the server tells nobody what it offers");
            var exports = new List<NbdExportDescription>();
            foreach (OptionAnswer answer in listed.Where(answer => answer.Kind == OptionReply.Server))
                exports.Add(Describe(client, NameIn(answer), isStructured));
            client.Leave();
            return exports;
        }
        catch (Exception error) when (error is SocketException or IOException { InnerException: SocketException } or EndOfStreamException)
        {
            throw new DiskImageException(ErrorKind.ImageNotFound, $"no server answers at {address}: {(error.InnerException ?? error).Message}", address.Path, error);
        }
        catch (ProtocolException error)
        {
            throw new DiskImageException(ErrorKind.ImageCorrupt, $"what listens at {address} does not speak NBD: {error.Message}", address.Path, error);
        }
    }

    private static Socket Connect(NbdAddress address)
    {
        EndPoint endPoint = address.Path is null ? new IPEndPoint(address.Host!, address.Port) : UnixSocketFile.EndPointOf(address.Path);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, address.Path is null ? ProtocolType.Tcp : ProtocolType.Unspecified)
        {
            ReceiveTimeout = Patience,
            SendTimeout = Patience,
        };
        try
        {
            socket.Connect(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static NbdExportDescription NameIn(OptionAnswer answer)
    {
        int length = answer.Data.Length < sizeof(uint) ? -1 : BinaryPrimitives.ReadInt32BigEndian(answer.Data);
        if (length < 0 || length > answer.Data.Length - sizeof(uint))
            throw new ProtocolException("the name of an export is cut off");
        return new NbdExportDescription { Name = Text(answer.Data.AsSpan(sizeof(uint), length)), Description = Text(answer.Data.AsSpan(sizeof(uint) + length)) };
    }

    private static NbdExportDescription Describe(OptionClient client, NbdExportDescription export, bool isStructured)
    {
        byte[] name = [.. OptionClient.Number((uint)WireText.Name(export.Name).Length), .. WireText.Name(export.Name)];
        byte[] wanted = [0, 2, 0, (byte)ExportInfo.Description, 0, (byte)ExportInfo.BlockSize];
        // What does not tell any more of an export may be asked for another.
        foreach (OptionAnswer answer in client.TryAsk(NbdOption.Info, [.. name, .. wanted]) ?? [])
        {
            if (answer.Kind == OptionReply.Info && answer.Data.Length >= sizeof(ushort))
                export = With(export, (ExportInfo)BinaryPrimitives.ReadUInt16BigEndian(answer.Data), answer.Data.AsSpan(sizeof(ushort)));
        }

        if (!isStructured || client.TryAsk(NbdOption.ListMetaContext, [.. name, 0, 0, 0, 0]) is not { } contexts)
            return export;
        return export with { MetadataContexts = [.. contexts.Where(answer => answer.Kind == OptionReply.MetaContext).Select(answer => Text(answer.Data.AsSpan(Math.Min(sizeof(uint), answer.Data.Length))))] };
    }

    private static NbdExportDescription With(NbdExportDescription export, ExportInfo info, ReadOnlySpan<byte> data) => info switch
    {
        ExportInfo.Export when data.Length == 10 => export with { Size = BinaryPrimitives.ReadInt64BigEndian(data), Flags = BinaryPrimitives.ReadUInt16BigEndian(data.Slice(8)) },
        ExportInfo.Description => export with { Description = Text(data) },
        ExportInfo.BlockSize when data.Length == 12 => export with
        {
            MinimumRequest = BinaryPrimitives.ReadUInt32BigEndian(data),
            PreferredRequest = BinaryPrimitives.ReadUInt32BigEndian(data.Slice(4)),
            MaximumRequest = BinaryPrimitives.ReadUInt32BigEndian(data.Slice(8)),
        },
        _ => export,
    };

    private static string Text(ReadOnlySpan<byte> bytes) => WireText.TryRead(bytes) ?? throw new ProtocolException("a text is too long, or not UTF-8");
}
