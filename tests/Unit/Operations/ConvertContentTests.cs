using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Qed.Operations;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>What a conversion writes: the guest's bytes, and as little as the target's format allows.</summary>
public sealed class ConvertContentTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(513)]
    [InlineData(1_000_001)]
    public void A_raw_source_of_odd_size_is_padded_with_zeroes_and_the_log_says_so(int size)
    {
        var messages = new List<string>();
        byte[] data = Patterns.Filled(size, 7);
        File.WriteAllBytes(_folder["a.raw"], data);
        ImageDescription target = ConvertImage.Run(
            new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], Verify = true },
            logger: new CallbackLogger((level, message) => messages.Add($"{level}: {message}"))).Target;
        int padded = (size + 511) & -512;
        Array.Resize(ref data, padded);
        Assert.Equal(padded, target.Size);
        Assert.Equal(data, TestImage.ReadAll(_folder["b.qed"]));
        Assert.Contains(messages, message => message.StartsWith("Warning:", StringComparison.Ordinal) && message.Contains($"padded with zeroes to {padded} bytes", StringComparison.Ordinal));
    }

    [Fact]
    public void An_empty_raw_source_becomes_an_empty_disk()
    {
        File.WriteAllBytes(_folder["a.raw"], []);
        Assert.Equal(0, ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], Verify = true }).Target.Size);
    }

    [Fact]
    public void Sparse_targets_stay_sparse_both_ways()
    {
        SparseFile.RequireHoles();
        const long Size = 1L << 30;
        const int Most = 4 << 20;
        MakeSparse(_folder["a.raw"], Size, 5, 400 << 20, Size - 1000);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], Verify = true });
        ImageDescription qed = Describe.Of(_folder["b.qed"]);
        Assert.InRange(qed.AllocatedSize!.Value, 1, Most);
        Assert.InRange(qed.FileSize, 1, Most);
        ImageDescription raw = ConvertImage.Run(new ConvertImageOptions { Path = _folder["b.qed"], DestinationPath = _folder["c.raw"], Verify = true }).Target;
        Assert.Equal(Size, raw.Size);
        Assert.InRange(raw.AllocatedSize!.Value, 1, Most);
    }

    [Fact]
    public void A_run_of_zeroes_that_the_source_stores_is_not_stored_again()
    {
        SparseFile.RequireHoles();
        byte[] data = new byte[8 << 20];
        data[3 << 20] = 1;
        File.WriteAllBytes(_folder["a.raw"], data);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"] });
        Assert.Equal(1, CheckImage.Run(new CheckImageOptions { Path = _folder["b.qed"] }).AllocatedClusters);
        ImageDescription copy = ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["c.raw"] }).Target;
        Assert.InRange(copy.AllocatedSize!.Value, 1, 1 << 20);
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(65536)]
    public void With_a_backing_file_only_what_differs_is_written(int clusterSize)
    {
        byte[] below = Patterns.Random(4 << 20, 1);
        byte[] data = new byte[(5 << 20) + 512];
        below.CopyTo(data, 0);
        // One cluster changed, two zeroed, and one of data beyond the end of the backing file.
        data[1 << 20] ^= 1;
        data.AsSpan(2 << 20, 2 * clusterSize).Clear();
        data[(4 << 20) + clusterSize] = 9;
        File.WriteAllBytes(_folder["base.raw"], below);
        File.WriteAllBytes(_folder["a.raw"], data);
        ImageDescription target = ConvertImage.Run(new ConvertImageOptions
        {
            Path = _folder["a.raw"],
            DestinationPath = _folder["b.qed"],
            ClusterSize = clusterSize,
            BackingPath = "base.raw",
            Verify = true,
        }).Target;
        Assert.Equal(("base.raw", "raw"), (target.BackingPath, target.BackingFormat));
        Assert.Equal(data, TestImage.ReadAll(_folder["b.qed"]));
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = _folder["b.qed"] });
        Assert.True(check.IsClean);
        Assert.Equal((2, 2), (check.AllocatedClusters, check.ZeroClusters));
    }

    [Fact]
    public void A_backing_file_longer_than_the_source_does_not_show_at_the_targets_end()
    {
        File.WriteAllBytes(_folder["base.raw"], Patterns.Filled(2 << 20, 9));
        byte[] data = new byte[(1 << 20) + 512];
        File.WriteAllBytes(_folder["a.raw"], data);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], BackingPath = "base.raw", BackingFormat = "raw", Verify = true });
        Assert.Equal(data, TestImage.ReadAll(_folder["b.qed"]));
        Assert.Equal(0, CheckImage.Run(new CheckImageOptions { Path = _folder["b.qed"] }).AllocatedClusters);
    }

    [Fact]
    public void A_whole_chain_is_flattened_into_a_target_without_a_backing_file()
    {
        byte[] data = Patterns.Random(2 << 20, 3);
        File.WriteAllBytes(_folder["base.raw"], data);
        TestImage.Create(_folder["middle.qed"], 2 << 20, backing: "base.raw");
        TestImage.Write(_folder["middle.qed"], 100_000, Patterns.Filled(50_000, 1));
        TestImage.Create(_folder["top.qed"], 2 << 20, backing: "middle.qed");
        TestImage.Write(_folder["top.qed"], 120_000, Patterns.Filled(50_000, 2));
        data.AsSpan(100_000, 50_000).Fill(1);
        data.AsSpan(120_000, 50_000).Fill(2);
        ImageDescription flat = ConvertImage.Run(new ConvertImageOptions { Path = _folder["top.qed"], DestinationPath = _folder["flat.qed"], Verify = true }).Target;
        Assert.Null(flat.BackingPath);
        Assert.Equal(data, TestImage.ReadAll(_folder["flat.qed"]));
    }

    [Fact]
    public void A_sparse_tebibyte_converts_by_what_is_in_it()
    {
        SparseFile.RequireHoles();
        const long Size = 1L << 40;
        MakeSparse(_folder["a.raw"], Size, 12345, Size / 2, Size - 1);
        Assert.InRange(CopiedBytes(new ConvertImageOptions { Path = _folder["a.raw"], DestinationPath = _folder["b.qed"], Verify = true }), 3, 3 * 65536);
        Assert.InRange(CopiedBytes(new ConvertImageOptions { Path = _folder["b.qed"], DestinationPath = _folder["c.raw"], Verify = true }), 3, 3 * 65536);
        Assert.Equal(3, CheckImage.Run(new CheckImageOptions { Path = _folder["b.qed"] }).AllocatedClusters);
        using FileStream back = File.OpenRead(_folder["c.raw"]);
        byte[] last = new byte[1];
        RandomAccess.Read(back.SafeFileHandle, last, Size - 1);
        Assert.Equal([1], last);
    }

    /// <summary>How much a conversion says that it has copied.</summary>
    private static long CopiedBytes(ConvertImageOptions options)
    {
        const string Start = "Copied ";
        var messages = new List<string>();
        ConvertImage.Run(options, logger: new CallbackLogger((_, message) => messages.Add(message)));
        string text = Assert.Single(messages, message => message.StartsWith(Start, StringComparison.Ordinal));
        return long.Parse(text[Start.Length..text.IndexOf(" of ", StringComparison.Ordinal)], CultureInfo.InvariantCulture);
    }

    private static void MakeSparse(string path, long size, params long[] ones)
    {
        using FileStream file = SparseFile.Create(path, size);
        foreach (long offset in ones)
            RandomAccess.Write(file.SafeFileHandle, [1], offset);
    }
}
