using System;
using System.IO;
using System.Threading;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Storage;
using Qed.Targets;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>What only Windows itself, or Wine, shows.</summary>
public sealed class OnWindowsTests : IDisposable
{
    private readonly TempFolder _folder;

    public OnWindowsTests()
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "these are calls of Windows");
        _folder = new TempFolder();
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("NUL")]
    [InlineData("CON")]
    [InlineData(@"\\.\COM1")]
    public void A_device_is_no_target(string path)
    {
        var error = Assert.Throws<DiskImageException>(() => Destination.Begin(path, overwrite: true).Dispose());
        Assert.Equal(ErrorKind.ImageExists, error.Kind);
    }

    [Theory]
    [InlineData("a*b.qed", ErrorKind.ImageNotFound)]
    [InlineData("a.qed:stream", ErrorKind.UnsupportedFeature)]
    [InlineData(@"none\a.qed", ErrorKind.ImageNotFound)]
    public void An_impossible_name_is_no_target(string name, ErrorKind kind)
        => Assert.Equal(kind, Assert.Throws<DiskImageException>(() => Destination.Begin(_folder.Path + @"\" + name, overwrite: true).Dispose()).Kind);

    [Fact]
    public void A_file_has_one_identity_under_all_spellings_and_no_other_file_has_it()
    {
        string path = _folder["a.qed"];
        File.WriteAllText(path, "a");
        File.WriteAllText(_folder["b.qed"], "b");
        FileIdentity? identity = FileIdentity.Of(path);
        Assert.NotNull(identity);
        Assert.Equal(identity, FileIdentity.Of(_folder["A.QED"]));
        Assert.Equal(identity, FileIdentity.Of(@"\\?\" + path));
        Assert.NotEqual(identity, FileIdentity.Of(_folder["b.qed"]));
        using HostFile open = HostFile.Open(path, StorageAccess.Write);
        Assert.Equal(identity, open.Identity);
        Assert.Equal(identity, FileIdentity.Of(path));
    }

    [Fact]
    public void An_old_file_that_is_held_for_a_moment_is_replaced_all_the_same()
    {
        string target = _folder["a.qed"];
        File.WriteAllText(target, "old");
        using (Destination destination = Destination.Begin(target, overwrite: true))
        {
            destination.Storage.Write(0, "new"u8);
            destination.Finish(ProgressMeter.Silent, default);
            var held = new FileStream(target, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var release = new Timer(_ => held.Dispose(), null, 300, Timeout.Infinite);
            destination.Commit();
        }

        Assert.Equal("new", File.ReadAllText(target));
        Assert.Equal([target], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void An_image_under_construction_is_nobody_elses_leftover()
    {
        string target = _folder["a.qed"];
        using (PendingFile file = PendingFile.Create(target, overwrite: false, [], NullLogger.Instance))
        {
            Leftovers.Clear(target, NullLogger.Instance);
            Assert.True(File.Exists(file.PathsUnderConstruction[target]));
            file.Storage.Write(0, "whole"u8);
            file.Finish(ProgressMeter.Silent, default);
            file.Commit();
        }

        Assert.Equal("whole", File.ReadAllText(target));
    }

    [Fact]
    public void An_image_that_is_written_is_in_use_and_one_that_is_read_is_not()
    {
        string path = _folder["a.qed"];
        File.WriteAllText(path, "a");
        using (HostFile reader = HostFile.Open(path, StorageAccess.Read))
        using (HostFile other = HostFile.Open(path, StorageAccess.Peek))
            Assert.False(other.IsInUse());
        using HostFile writer = HostFile.Open(path, StorageAccess.Write);
        using HostFile looker = HostFile.Open(path, StorageAccess.Peek);
        Assert.True(looker.IsInUse());
        Assert.Equal(ErrorKind.ImageInUse, Assert.Throws<DiskImageException>(() => HostFile.Open(path, StorageAccess.Read)).Kind);
    }

    [Fact]
    public void Many_threads_read_and_write_one_file_at_a_time()
    {
        const int Piece = 1 << 16;
        using HostFile file = HostFile.Create(_folder["a.raw"]);
        System.Threading.Tasks.Parallel.For(0, 64, i =>
        {
            byte[] bytes = new byte[Piece];
            bytes.AsSpan().Fill((byte)(i + 1));
            file.Write((long)i * Piece, bytes);
        });
        System.Threading.Tasks.Parallel.For(0, 64, i =>
        {
            byte[] bytes = new byte[Piece];
            Assert.Equal(Piece, file.Read((long)i * Piece, bytes));
            Assert.Equal(-1, bytes.AsSpan().IndexOfAnyExcept((byte)(i + 1)));
        });
        Assert.Equal(64 * Piece, file.Length);
        Assert.Equal(0, file.Read(64 * Piece, new byte[10]));
    }
}
