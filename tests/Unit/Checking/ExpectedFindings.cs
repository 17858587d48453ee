using System.Collections.Generic;
using System.Linq;
using Qed.Tests.Support;

namespace Qed.Tests.Checking;

/// <summary>
/// What a check must find in an image, worked out slowly and simply from the invariants: a model to hold the engine to.
/// </summary>
internal sealed class ExpectedFindings
{
    private readonly byte[] _bytes;
    private readonly long _clusterSize;
    private readonly long _tableSize;
    private readonly long _headerClusters;
    private readonly long _l1;
    private readonly long _diskClusters;
    private readonly long _entries;
    private readonly Dictionary<long, int> _references = [];
    private readonly List<Finding> _findings = [];

    private ExpectedFindings(byte[] bytes)
    {
        _bytes = bytes;
        _clusterSize = (uint)bytes.UInt64At(4);
        _tableSize = (uint)bytes.UInt64At(8);
        _headerClusters = (uint)bytes.UInt64At(12);
        _l1 = (long)bytes.UInt64At(40);
        _diskClusters = ((long)bytes.UInt64At(48) + _clusterSize - 1) / _clusterSize;
        _entries = _clusterSize * _tableSize / 8;
        Find();
    }

    private long FileClusters => _bytes.Length / _clusterSize;

    /// <summary>The findings in the order in which a check lists them.</summary>
    internal static List<Finding> In(byte[] bytes)
    {
        var expected = new ExpectedFindings(bytes);
        return [.. expected._findings.Where(finding => finding.L1 is not null).Order(), .. expected._findings.Where(finding => finding.L1 is null)];
    }

    private void Find()
    {
        Refer(0, _headerClusters);
        Refer(_l1 / _clusterSize, _tableSize);
        List<(int Index, long Offset)> tables = FindTables();
        HashSet<long> tableClusters = [.. tables.SelectMany(table => Range(table.Offset / _clusterSize, _tableSize))];
        List<(int L1, int L2, ulong Entry)> data = tables.SelectMany(FindData).Order().ToList();
        HashSet<ulong> seen = [];
        foreach ((int l1, int l2, ulong entry) in data)
        {
            bool isFirst = seen.Add(entry);
            if (tableClusters.Contains((long)entry / _clusterSize))
                _findings.Add(new Finding(l1, l2, CheckIssueKind.TableReferencedTwice, (long)entry, 1));
            else if (!isFirst)
                _findings.Add(new Finding(l1, l2, CheckIssueKind.DataReferencedTwice, (long)entry, 1));
        }

        FindLeaks();
        if (_bytes.Length % _clusterSize != 0)
            _findings.Add(new Finding(null, null, CheckIssueKind.PartOfCluster, FileClusters * _clusterSize, 0));
    }

    private List<(int Index, long Offset)> FindTables()
    {
        var tables = new List<(int, long)>();
        for (int i = 0; i < _entries; i++)
        {
            ulong entry = _bytes.UInt64At(_l1 + (i * 8L));
            if (entry == 0)
                continue;
            bool isInside = i * _entries < _diskClusters;
            CheckIssueKind? fault = FaultOf(entry, _tableSize);
            if (fault is null)
            {
                if (Range((long)entry / _clusterSize, _tableSize).Any(_references.ContainsKey))
                    fault = CheckIssueKind.TableReferencedTwice;
                else
                    tables.Add((i, (long)entry));
                Refer((long)entry / _clusterSize, _tableSize);
            }

            if (fault is not null || !isInside)
                _findings.Add(new Finding(i, null, isInside ? fault!.Value : CheckIssueKind.EntryBeyondImageSize, HostOffsetOf(entry), 1));
        }

        return tables;
    }

    private List<(int L1, int L2, ulong Entry)> FindData((int Index, long Offset) table)
    {
        var data = new List<(int, int, ulong)>();
        for (int i = 0; i < _entries; i++)
        {
            ulong entry = _bytes.UInt64At(table.Offset + (i * 8L));
            if (entry < 2)
                continue;
            bool isInside = (table.Index * _entries) + i < _diskClusters;
            CheckIssueKind? fault = FaultOf(entry, 1);
            if (fault is null)
            {
                Refer((long)entry / _clusterSize, 1);
                data.Add((table.Index, i, entry));
            }

            if (fault is not null || !isInside)
                _findings.Add(new Finding(table.Index, i, isInside ? fault!.Value : CheckIssueKind.EntryBeyondImageSize, HostOffsetOf(entry), 1));
        }

        return data;
    }

    private void FindLeaks()
    {
        for (long cluster = 0; cluster < FileClusters; cluster++)
        {
            if (_references.ContainsKey(cluster))
                continue;
            long first = cluster;
            while (cluster < FileClusters && !_references.ContainsKey(cluster))
                cluster++;
            _findings.Add(new Finding(null, null, CheckIssueKind.LeakedClusters, first * _clusterSize, cluster - first));
        }
    }

    private CheckIssueKind? FaultOf(ulong entry, long clusters)
    {
        if (entry % (ulong)_clusterSize != 0)
            return CheckIssueKind.UnalignedEntry;
        ulong cluster = entry / (ulong)_clusterSize;
        if (cluster + (ulong)clusters > (ulong)FileClusters)
            return CheckIssueKind.EntryBeyondEndOfFile;
        if ((long)cluster < _headerClusters)
            return CheckIssueKind.EntryInsideHeader;
        long l1 = _l1 / _clusterSize;
        return Range((long)cluster, clusters).Any(each => each >= l1 && each < l1 + _tableSize) ? CheckIssueKind.EntryInsideL1Table : null;
    }

    private void Refer(long first, long count)
    {
        foreach (long cluster in Range(first, count))
            _references[cluster] = _references.GetValueOrDefault(cluster) + 1;
    }

    private static long? HostOffsetOf(ulong entry) => entry is > 1 and <= long.MaxValue ? (long)entry : null;

    private static IEnumerable<long> Range(long first, long count)
    {
        for (long i = 0; i < count; i++)
            yield return first + i;
    }
}

/// <summary>One finding, as far as a test can foretell it.</summary>
internal readonly record struct Finding(int? L1, int? L2, CheckIssueKind Kind, long? HostOffset, long Clusters) : System.IComparable<Finding>
{
    internal static Finding Of(ImageIssue issue) => new(issue.L1Index, issue.L2Index, issue.Kind, issue.HostOffset, issue.Clusters);

    public int CompareTo(Finding other)
        => (L1 ?? -1, L2 ?? -1, Kind, HostOffset ?? -1).CompareTo((other.L1 ?? -1, other.L2 ?? -1, other.Kind, other.HostOffset ?? -1));
}
