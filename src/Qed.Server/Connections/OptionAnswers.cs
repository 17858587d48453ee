using System.Buffers.Binary;
using System.Collections.Generic;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>Answers to options, gathered to be sent together: the NBD specification, "Option haggling".</summary>
/// <param name="sender">Where they go.</param>
internal sealed class OptionAnswers(ReplySender sender)
{
    // What most file systems and tools work in.
    private const uint PreferredRequest = 4096;

    private readonly List<byte> _waiting = [];

    /// <summary>Sends the server's first words.</summary>
    internal void Greet(HandshakeFlags flags)
    {
        Put(NbdMagic.Server);
        Put(NbdMagic.Option);
        Put((ushort)flags);
        Send();
    }

    /// <summary>Says that there is nothing more to say, or nothing against it.</summary>
    internal void Acknowledge(NbdOption option) => PutHead(option, OptionReply.Ack, 0);

    /// <summary>Says no.</summary>
    /// <param name="option">To what.</param>
    /// <param name="error">What kind of no.</param>
    /// <param name="reason">What the client can show its user.</param>
    internal void Refuse(NbdOption option, OptionReply error, string reason)
    {
        byte[] text = WireText.Cut(reason);
        PutHead(option, error, text.Length);
        Put(text);
    }

    /// <summary>The answer to the oldest option, which has no head.</summary>
    internal void AddExport(long length, TransmissionFlags flags, int zeroes)
    {
        Put((ulong)length);
        Put((ushort)flags);
        Put(new byte[zeroes]);
    }

    /// <summary>One export of a list.</summary>
    internal void AddServer(string name, string description)
    {
        byte[] nameBytes = WireText.Name(name);
        byte[] text = WireText.Cut(description);
        PutHead(NbdOption.List, OptionReply.Server, sizeof(uint) + nameBytes.Length + text.Length);
        Put((uint)nameBytes.Length);
        Put(nameBytes);
        Put(text);
    }

    /// <summary>What an export is, as far as that was asked for; how requests may be cut is told always.</summary>
    internal void AddInfo(NbdOption option, ExportAccess export, TransmissionFlags flags, IReadOnlyCollection<ExportInfo> wanted)
    {
        PutInfo(option, ExportInfo.Export, sizeof(ulong) + sizeof(ushort));
        Put((ulong)export.Length);
        Put((ushort)flags);
        PutInfo(option, ExportInfo.BlockSize, 3 * sizeof(uint));
        Put(1u);
        Put(PreferredRequest);
        Put((uint)RequestRules.MaximumTransfer);
        foreach (ExportInfo info in new HashSet<ExportInfo>(wanted))
        {
            if (info == ExportInfo.Name)
                PutInfo(option, info, WireText.Name(export.Export.Name));
            else if (info == ExportInfo.Description && export.Export.Description.Length > 0)
                PutInfo(option, info, WireText.Cut(export.Export.Description));
        }
    }

    /// <summary>A metadata context, by its number in replies and its name.</summary>
    internal void AddContext(NbdOption option, uint number, string name)
    {
        byte[] text = WireText.Name(name);
        PutHead(option, OptionReply.MetaContext, sizeof(uint) + text.Length);
        Put(number);
        Put(text);
    }

    /// <summary>Sends what was gathered.</summary>
    internal void Send()
    {
        sender.Send([.. _waiting], 0, _waiting.Count);
        _waiting.Clear();
    }

    private void PutInfo(NbdOption option, ExportInfo info, byte[] text)
    {
        PutInfo(option, info, text.Length);
        Put(text);
    }

    private void PutInfo(NbdOption option, ExportInfo info, int length)
    {
        PutHead(option, OptionReply.Info, sizeof(ushort) + length);
        Put((ushort)info);
    }

    private void PutHead(NbdOption option, OptionReply reply, int length)
    {
        Put(NbdMagic.OptionReply);
        Put((uint)option);
        Put((uint)reply);
        Put((uint)length);
    }

    private void Put(ulong value)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        Put(bytes);
    }

    private void Put(uint value)
    {
        byte[] bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        Put(bytes);
    }

    private void Put(ushort value)
    {
        byte[] bytes = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        Put(bytes);
    }

    private void Put(byte[] bytes) => _waiting.AddRange(bytes);
}
