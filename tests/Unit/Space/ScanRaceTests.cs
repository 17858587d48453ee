using System.Linq;
using Qed.Layout;
using Qed.Space;
using Qed.Tables;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Space;

/// <summary>What other requests do while the tables are scanned: no cluster is given out that somebody has, or that is on its way to being free.</summary>
public sealed class ScanRaceTests
{
    private const int Cluster = 4096;
    private const int Clusters = 10;
    private const int Unused = 5;

    private readonly ClusterSpace _space = new(new MemoryStorage(new byte[Clusters * Cluster]), QedGeometry.TryCreate(Cluster, 1)!, mayHaveLeaks: false);

    [Fact]
    public void What_is_given_out_while_a_second_scan_runs_is_not_found_to_be_free()
    {
        _space.Learn(AllBut(Unused));
        long end = _space.BeginScan();
        long given = Allocate();
        Assert.True(given >= end, $"cluster {given} is given out below the end");
        _space.EndScan(end, AllBut(Unused), mayRepeat: false);
        Assert.Equal(Unused, Allocate());
        Assert.DoesNotContain(Enumerable.Range(0, 20).Select(_ => Allocate()), cluster => cluster == given || cluster < Clusters);
    }

    [Fact]
    public void What_a_commit_is_making_durable_is_not_found_to_be_free()
    {
        long end = _space.BeginScan();
        _space.Free(new HostOffset(Unused * Cluster), 1);
        SpaceCommit commit = _space.BeginCommit();
        // The commit has written the entry already, but its end is not known.
        _space.EndScan(end, AllBut(Unused), mayRepeat: true);
        Assert.NotEqual(Unused, Allocate());
        _space.EndCommit(commit, isDurable: true);
        _space.Release();
        Assert.Equal(Unused, Allocate());
        Assert.NotEqual(Unused, Allocate());
    }

    [Fact]
    public void What_a_failed_write_had_last_is_not_taken_from_the_file_under_a_scan()
    {
        long end = _space.BeginScan();
        _space.Return(_space.Allocate(2, 2));
        Assert.True(_space.BeginScan() >= end);
        Allocation next = _space.Allocate(1, 1);
        Assert.True(next.Start.Value / Cluster >= end + 2);
    }

    private long Allocate() => _space.Allocate(1, 1).Start.Value / Cluster;

    private static ClusterBitmap AllBut(int cluster)
    {
        var used = new ClusterBitmap(Clusters);
        for (int i = 0; i < Clusters; i++)
        {
            if (i != cluster)
                used.Set(new ClusterIndex(i), 1);
        }

        return used;
    }
}
