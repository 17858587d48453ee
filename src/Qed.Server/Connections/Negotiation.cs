using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Qed.Server.Exports;
using Qed.Server.Protocol;

namespace Qed.Server.Connections;

/// <summary>
/// The handshake of one connection, in the fixed newstyle: the NBD specification, "Handshake". All that a client says in it
/// is bounded: how long each option is, how many there are, and by <see cref="Connection"/> how long it takes.
/// </summary>
/// <param name="transport">The connection.</param>
/// <param name="input">What the client sends.</param>
/// <param name="sender">Where answers go.</param>
/// <param name="offer">What it can ask for.</param>
internal sealed class Negotiation(Transport transport, RequestInput input, ReplySender sender, Offer offer)
{
    // The longest that makes sense has a name and some dozens of queries.
    private const int MaximumOption = 32 << 10;
    private const int MostOptions = 256;
    private const int OptionHeadSize = 16;
    private const int ZeroesBehindExport = 124;
    private const string NoData = "this option comes without data";

    private readonly OptionAnswers _answers = new(sender);
    private bool _hasNoZeroes;
    private string? _contextsOf;
    private IReadOnlyList<MetadataContext> _contexts = [];

    /// <summary>Whether the client understands replies of several chunks.</summary>
    internal bool IsStructured { get; private set; }

    /// <summary>What block status is told of.</summary>
    internal IReadOnlyList<MetadataContext> Contexts { get; private set; } = [];

    /// <summary>Negotiates.</summary>
    /// <returns>What the client wants to use; null where it left.</returns>
    /// <exception cref="ProtocolException">It said what no client may.</exception>
    internal ExportAccess? Run()
    {
        _answers.Greet(HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes);
        if (!input.TryFill(sizeof(uint)))
            return null;
        var flags = (HandshakeFlags)TakeUInt32();
        // A client that does not say that it knows the fixed style is served nevertheless, as the specification allows: it sends the oldest option.
        if ((flags & ~(HandshakeFlags.FixedNewstyle | HandshakeFlags.NoZeroes)) != 0)
            throw new ProtocolException(FormattableString.Invariant($"its handshake flags are 0x{(uint)flags:x}"));
        _hasNoZeroes = (flags & HandshakeFlags.NoZeroes) != 0;
        for (int i = 0; i < MostOptions; i++)
        {
            if (!input.TryFill(OptionHeadSize))
                return null;
            if (TryOption(out ExportAccess? chosen))
                return chosen;
        }

        throw new ProtocolException("it negotiates without end");
    }

    /// <summary>Answers one option.</summary>
    /// <returns>Whether the negotiation is over.</returns>
    private bool TryOption(out ExportAccess? chosen)
    {
        chosen = null;
        (NbdOption option, int length) = TakeHead();
        var data = new OptionInput(input.Peek(length));
        bool isOver = true;
        if (offer.RequiresTls && !transport.IsEncrypted && option is not (NbdOption.StartTls or NbdOption.Abort))
        {
            RequireTls(option, length);
            return false;
        }

        switch (option)
        {
            case NbdOption.ExportName:
                chosen = BeginWithoutAnswer(input.Peek(length));
                break;
            case NbdOption.Abort:
                _answers.Acknowledge(option);
                break;
            case NbdOption.Go:
                chosen = Describe(option, data);
                isOver = chosen is not null;
                break;
            case NbdOption.StartTls:
                StartTls(length);
                return false;
            default:
                isOver = false;
                Answer(option, data);
                break;
        }

        input.Take(length);
        _answers.Send();
        return isOver;
    }

    private void RequireTls(NbdOption option, int length)
    {
        if (option == NbdOption.ExportName)
            throw new ProtocolException("it asked for an export without TLS");
        input.Take(length);
        _answers.Refuse(option, OptionReply.TlsRequired, "this server talks within TLS only");
        _answers.Send();
    }

    private void StartTls(int length)
    {
        input.Take(length);
        (OptionReply Error, string Reason)? refusal = offer.Identity is null ? (OptionReply.Forbidden, "this server has no TLS")
            : transport.IsEncrypted ? (OptionReply.Invalid, "this connection is encrypted already")
            : length > 0 ? (OptionReply.Invalid, NoData)
            : null;
        if (refusal is { } no)
            _answers.Refuse(NbdOption.StartTls, no.Error, no.Reason);
        else
            _answers.Acknowledge(NbdOption.StartTls);
        _answers.Send();
        if (refusal is not null)
            return;
        // What somebody on the way has added in the open must not pass for the client's own words.
        if (input.Buffered > 0)
            throw new ProtocolException("it went on in the open after it had asked for TLS");
        transport.Encrypt(offer.Identity!);
        IsStructured = false;
        (_contextsOf, _contexts) = (null, []);
    }

    private void Answer(NbdOption option, OptionInput data)
    {
        switch (option)
        {
            case NbdOption.List:
                List(data);
                break;
            case NbdOption.Info:
                Describe(option, data);
                break;
            case NbdOption.StructuredReply:
                if (HasNoData(option, data))
                {
                    IsStructured = true;
                    _answers.Acknowledge(option);
                }

                break;
            case NbdOption.ListMetaContext or NbdOption.SetMetaContext:
                TellContexts(option, data);
                break;
            default:
                _answers.Refuse(option, OptionReply.Unsupported, FormattableString.Invariant($"option {(uint)option} is not known here"));
                break;
        }
    }

    private (NbdOption Option, int Length) TakeHead()
    {
        ReadOnlySpan<byte> head = input.Peek(OptionHeadSize);
        ulong magic = BinaryPrimitives.ReadUInt64BigEndian(head);
        if (magic != NbdMagic.Option)
            throw new ProtocolException(FormattableString.Invariant($"an option began with 0x{magic:x16}"));
        var option = (NbdOption)BinaryPrimitives.ReadUInt32BigEndian(head.Slice(8));
        uint length = BinaryPrimitives.ReadUInt32BigEndian(head.Slice(12));
        if (length > MaximumOption)
            throw new ProtocolException(FormattableString.Invariant($"an option has {length} bytes, of {MaximumOption} at most"));
        input.Take(OptionHeadSize);
        return (option, (int)length);
    }

    /// <summary>The oldest way to begin, which knows no answer but to hang up.</summary>
    private ExportAccess BeginWithoutAnswer(ReadOnlySpan<byte> name)
    {
        string? text = WireText.TryRead(name);
        if (text is null || offer.Find(text) is not { } export)
            throw new ProtocolException("it asked for an export that does not exist");
        Begin(export);
        _answers.AddExport(export.Length, export.Flags(IsStructured), _hasNoZeroes ? 0 : ZeroesBehindExport);
        return export;
    }

    private void List(OptionInput data)
    {
        if (!HasNoData(NbdOption.List, data))
            return;
        foreach (ExportAccess export in offer.Exports)
            _answers.AddServer(export.Export.Name, export.Export.Description);
        _answers.Acknowledge(NbdOption.List);
    }

    private bool HasNoData(NbdOption option, OptionInput data)
    {
        if (!data.IsEmpty)
            _answers.Refuse(option, OptionReply.Invalid, NoData);
        return data.IsEmpty;
    }

    private ExportAccess? Describe(NbdOption option, OptionInput data)
    {
        bool isSound = data.TryTakeText(out string name) & data.TryTake(out ushort count);
        var wanted = new List<ExportInfo>();
        for (int i = 0; isSound && i < count; i++)
        {
            isSound = data.TryTake(out ushort info);
            wanted.Add((ExportInfo)info);
        }

        if (Find(option, name, isSound && data.IsEmpty) is not { } export)
            return null;
        _answers.AddInfo(option, export, export.Flags(IsStructured), wanted);
        _answers.Acknowledge(option);
        Begin(export);
        return export;
    }

    private void TellContexts(NbdOption option, OptionInput data)
    {
        bool sets = option == NbdOption.SetMetaContext;
        if (sets)
            (_contextsOf, _contexts) = (null, []);
        var queries = new List<string>();
        if (!IsStructured)
        {
            _answers.Refuse(option, OptionReply.Invalid, "structured replies come first");
            return;
        }

        bool isSound = data.TryTakeText(out string name) & data.TryTake(out uint count);
        for (uint i = 0; isSound && i < count; i++)
        {
            isSound = data.TryTakeText(out string query);
            queries.Add(query);
        }

        if (Find(option, name, isSound && data.IsEmpty) is null)
            return;
        // No question is a question for all, where a client only looks.
        MetadataContext[] found = queries.Count == 0 && !sets
            ? [.. MetadataContext.All]
            : queries.SelectMany(query => MetadataContext.Matching(query, mayBeGroup: !sets)).Distinct().ToArray();
        foreach (MetadataContext context in found)
            _answers.AddContext(option, sets ? context.Number : 0, context.Name);
        _answers.Acknowledge(option);
        if (sets)
            (_contextsOf, _contexts) = (name, found);
    }

    /// <summary>Contexts were chosen for one export, and hold for no other.</summary>
    private void Begin(ExportAccess export) => Contexts = _contextsOf == export.Export.Name ? _contexts : [];

    /// <summary>The export that an option names; null where the option is refused.</summary>
    private ExportAccess? Find(NbdOption option, string name, bool isSound)
    {
        ExportAccess? export = isSound ? offer.Find(name) : null;
        if (!isSound)
            _answers.Refuse(option, OptionReply.Invalid, "what the option says is malformed");
        else if (export is null)
            _answers.Refuse(option, OptionReply.Unknown, $"no export has the name '{name}'");
        return export;
    }

    private uint TakeUInt32()
    {
        uint value = BinaryPrimitives.ReadUInt32BigEndian(input.Peek(sizeof(uint)));
        input.Take(sizeof(uint));
        return value;
    }
}
