using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Qed.Engine;
using Qed.Operations;
using Qed.Tests.Support;
using Qed.Units;
using Xunit;

namespace Qed.Tests.Engine;

/// <summary>Random work on real files against a byte array, which is always right.</summary>
public sealed class ModelTests : IDisposable
{
    private const int Bases = 3;

    private readonly TempFolder _folder = new();
    private readonly List<string> _qemuCommands = [];
    private Random _random = new(0);
    private byte[] _model = [];
    private QedImage? _image;

    private string ImagePath => _folder["image.qed"];

    public static TheoryData<int, int, int> Runs()
    {
        var runs = new TheoryData<int, int, int>();
        (int ClusterSize, int TableSize)[] geometries = [(4096, 1), (4096, 2), (8192, 1), (16384, 4), (65536, 4), (1 << 20, 2)];
        int seed = 4000;
        foreach ((int clusterSize, int tableSize) in geometries)
        {
            for (int i = 0; i < 3; i++)
                runs.Add(clusterSize, tableSize, seed++);
        }

        return runs;
    }

    public void Dispose()
    {
        _image?.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Random_writes_zeroes_discards_reads_reopenings_resizes_and_rebases_match_a_byte_array(int clusterSize, int tableSize, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        _random = new Random(seed);
        MakeBases();
        _model = new byte[_random.Next(1, 9000) * 512];
        TestImage.Create(ImagePath, _model.Length, clusterSize, tableSize);
        _image = (QedImage)OpenImage.ForWriting(ImagePath);
        for (int step = 0; step < 250; step++)
        {
            Step();
            if (step % 50 == 49)
                RequireSame(seed, step);
        }

        Reopen();
        RequireSame(seed, 250);
        _image.Dispose();
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        // What is free is a hole of the file; where it can have none, it looks leaked.
        Assert.True(check is { Corruptions: 0, NeedsCheck: false } && (check.IsClean || !SparseFile.HasHoles), $"seed {seed}: {string.Join("; ", check.Issues)}");
        if (tableSize > 1)
            Qemu.AssertSound(ImagePath, check.FreeClusters);
    }

    [Theory]
    [InlineData(4096, 2, 71)]
    [InlineData(16384, 2, 72)]
    [InlineData(65536, 4, 73)]
    public void The_same_sequence_through_qemu_io_gives_the_same_disk(int clusterSize, int tableSize, int seed)
    {
        Qemu.Require();
        _random = new Random(seed);
        _model = new byte[5_000_192];
        TestImage.Create(ImagePath, _model.Length, clusterSize, tableSize);
        string theirs = _folder["theirs.qed"];
        Qemu.ImgOk("create", "-q", "-f", "qed", "-o", $"cluster_size={clusterSize},table_size={tableSize}", theirs, Qemu.Text(_model.Length));
        using (_image = (QedImage)OpenImage.ForWriting(ImagePath))
        {
            for (int step = 0; step < 120; step++)
                SimpleStep();
        }

        _image = null;
        Qemu.IoOk(theirs, "qed", _qemuCommands);
        File.WriteAllBytes(_folder["model.raw"], _model);
        Assert.Equal(_model, TestImage.ReadAll(theirs));
        Assert.Contains("identical", Qemu.ImgOk("compare", "-f", "raw", "-F", "qed", _folder["model.raw"], ImagePath), StringComparison.Ordinal);
        CheckResult check = CheckImage.Run(new CheckImageOptions { Path = ImagePath });
        Assert.True(check.IsClean);
        Qemu.AssertSound(ImagePath, check.FreeClusters);
    }

    private void Step()
    {
        switch (_random.Next(20))
        {
            case < 15:
                SimpleStep();
                break;
            case 15 or 16:
                Reopen();
                break;
            case 17 or 18:
                Resize();
                break;
            default:
                Rebase();
                break;
        }
    }

    private void SimpleStep()
    {
        // Steps of a sector, as QEMU's tools take them.
        (int offset, int length) = Range();
        string where = string.Create(CultureInfo.InvariantCulture, $"{offset} {length}");
        switch (_random.Next(8))
        {
            case < 4:
                byte value = (byte)_random.Next(1, 256);
                _image!.Write(new GuestOffset(offset), Patterns.Filled(length, value));
                _model.AsSpan(offset, length).Fill(value);
                _qemuCommands.Add(string.Create(CultureInfo.InvariantCulture, $"write -P {value} {where}"));
                break;
            case < 6:
                if (_random.Next(2) == 0)
                    _image!.WriteZeroes(new GuestOffset(offset), length);
                else
                    _image!.Discard(new GuestOffset(offset), length);
                _model.AsSpan(offset, length).Clear();
                _qemuCommands.Add($"write -z {where}");
                break;
            case 6:
                _image!.Flush();
                _qemuCommands.Add("flush");
                break;
            default:
                byte[] read = new byte[length];
                _image!.Read(new GuestOffset(offset), read);
                Assert.True(_model.AsSpan(offset, length).SequenceEqual(read), $"read at {offset}, {length} bytes");
                break;
        }
    }

    private (int Offset, int Length) Range()
    {
        int sectors = _model.Length / 512;
        int start = _random.Next(sectors);
        int most = _random.Next(4) == 0 ? 4000 : 40;
        return (start * 512, _random.Next(1, Math.Min(most, sectors - start) + 1) * 512);
    }

    private void Reopen()
    {
        _image!.Dispose();
        _image = (QedImage)OpenImage.ForWriting(ImagePath);
    }

    private void Resize()
    {
        _image!.Dispose();
        int size = Math.Min(_random.Next(1, 9000) * 512, (int)Math.Min(int.MaxValue, MaximumSize()));
        ResizeImage.Run(new ResizeImageOptions { Path = ImagePath, Size = size, AllowShrink = true });
        Array.Resize(ref _model, size);
        _image = (QedImage)OpenImage.ForWriting(ImagePath);
    }

    private long MaximumSize() => Describe.Of(ImagePath).MaximumSize!.Value;

    private void Rebase()
    {
        _image!.Dispose();
        int choice = _random.Next(Bases + 1);
        string? name = choice == Bases ? null : BaseName(choice);
        SetBackingFile.Run(new SetBackingFileOptions { Path = ImagePath, BackingPath = name, BackingFormat = name is null ? null : Path.GetExtension(name)[1..] });
        _image = (QedImage)OpenImage.ForWriting(ImagePath);
    }

    private void RequireSame(int seed, int step)
    {
        byte[] all = new byte[_image!.Length];
        _image.Read(new GuestOffset(0), all);
        Assert.Equal(_model.Length, all.Length);
        int difference = _model.AsSpan().CommonPrefixLength(all);
        Assert.True(difference == all.Length, $"seed {seed}, step {step}: first difference at {difference}");
    }

    /// <summary>Raw and QED, longer and shorter than the image will mostly be, one resting on another.</summary>
    private void MakeBases()
    {
        File.WriteAllBytes(_folder[BaseName(0)], Patterns.Random(3_000_320, 1));
        byte[] sparse = new byte[6_000_128];
        for (int i = 0; i < 20; i++)
            Patterns.Random(20_000, i).CopyTo(sparse, i * 280_000);
        File.WriteAllBytes(_folder["sparse.raw"], sparse);
        ConvertImage.Run(new ConvertImageOptions { Path = _folder["sparse.raw"], DestinationPath = _folder[BaseName(1)] });
        TestImage.Create(_folder[BaseName(2)], 2_000_384, 4096, 2, BaseName(1), "qed");
        TestImage.Write(_folder[BaseName(2)], 700_000, Patterns.Random(100_000, 9));
    }

    private static string BaseName(int index) => index == 0 ? "base0.raw" : $"base{index.ToString(CultureInfo.InvariantCulture)}.qed";
}
