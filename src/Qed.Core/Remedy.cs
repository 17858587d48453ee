using System;
using System.Globalization;

namespace Qed;

/// <summary>
/// What would help against an error, as a value: what it is, and what it is about. Its own words fit every front end; one
/// that has a command or an option for it says so in words of its own.
/// </summary>
/// <param name="Kind">What would help.</param>
/// <param name="Subject">What it is about, as the kind says; null where the kind says it all.</param>
/// <param name="Value">What goes with the subject, as the kind says.</param>
public sealed record Remedy(RemedyKind Kind, string? Subject = null, string? Value = null)
{
    /// <summary>What would help besides, or must be known with it.</summary>
    public Remedy? Next { get; init; }

    /// <summary>Advice that is the same wherever it is read.</summary>
    /// <param name="words">Whole sentences, without any front end's commands or options.</param>
    public static Remedy Advice(string words) => new(RemedyKind.Advice, words);

    /// <summary>The nearest value that works.</summary>
    /// <param name="what">What it is a value of: "size", "cluster size".</param>
    /// <param name="value">The value.</param>
    public static Remedy TakeNearest(string what, long value) => new(RemedyKind.TakeNearest, what, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>This remedy in words.</summary>
    /// <param name="words">A front end's words for a remedy by itself; null for those of <see cref="NeutralWords"/>.</param>
    /// <returns>Whole sentences.</returns>
    public string Say(Func<Remedy, string?>? words = null)
    {
        string own = words?.Invoke(this) ?? NeutralWords.Of(this);
        return Next is null ? own : $"{own} {Next.Say(words)}";
    }

    /// <inheritdoc/>
    public override string ToString() => Say();

    /// <summary>The same remedy for a backing file that the user has just given, where advice about a stored name would be no help.</summary>
    internal Remedy ForGivenBacking() => Kind switch
    {
        RemedyKind.SayFormat or RemedyKind.StoreBackingFormat => this with { Kind = RemedyKind.SayBackingFormat },
        RemedyKind.StoreBackingName or RemedyKind.RestoreBackingFile => this with { Kind = RemedyKind.GiveBackingFile },
        _ => this,
    } with { Next = Next?.ForGivenBacking() };

    /// <summary>The same remedy for a backing file whose name an image stores.</summary>
    internal Remedy ForStoredBacking()
        => (Kind == RemedyKind.SayFormat ? this with { Kind = RemedyKind.StoreBackingFormat } : this) with { Next = Next?.ForStoredBacking() };

    /// <summary>The same remedy for the second of two images.</summary>
    internal Remedy ForDifference()
        => (Kind == RemedyKind.SayFormat ? this with { Kind = RemedyKind.SayDifferenceFormat } : this) with { Next = Next?.ForDifference() };
}
