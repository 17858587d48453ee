using System.Collections.Generic;
using Qed.Units;

namespace Qed.Transfer;

/// <summary>Differing ranges as they are found, in order: neighbours become one, all are counted, the first few are kept.</summary>
/// <param name="maximum">The most ranges that are kept.</param>
internal sealed class DifferenceList(int maximum)
{
    private readonly List<GuestRange> _ranges = [];
    private GuestRange _last;

    /// <summary>The first ranges.</summary>
    internal IReadOnlyList<GuestRange> Ranges => _ranges;

    /// <summary>The offset of the very first; null where there is none.</summary>
    internal GuestOffset? First { get; private set; }

    /// <summary>How many ranges there are, kept or not.</summary>
    internal long Count { get; private set; }

    /// <summary>Bytes of all ranges.</summary>
    internal long Bytes { get; private set; }

    internal void Add(GuestRange range)
    {
        First ??= range.Offset;
        Bytes += range.Length;
        bool continues = Count > 0 && _last.End == range.Offset;
        _last = continues ? _last with { Length = _last.Length + range.Length } : range;
        if (!continues)
            Count++;
        if (Count > maximum)
            return;
        if (continues)
            _ranges[_ranges.Count - 1] = _last;
        else
            _ranges.Add(_last);
    }
}
