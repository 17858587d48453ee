using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Operations;
using Qed.Storage;
using Qed.Targets;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Operations;

/// <summary>A new image that takes an old one's place is whose that was, and lies where a link says; nothing else is replaced.</summary>
public sealed class OverwritingTests : IDisposable
{
    private const int Size = 1 << 20;
    // QEMU's user under libvirt, on Debian.
    private const uint Owner = 64055;

    private readonly TempFolder _folder = new();

    public OverwritingTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "owners, modes and links are Linux's");
        File.WriteAllBytes(Source, Patterns.Random(Size, 1));
    }

    private string Source => _folder["source.raw"];

    private string Target => _folder["target.qed"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Owner_mode_and_extended_attributes_are_kept(bool converts)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root gives files away");
        TestImage.Create(Target, Size);
        byte[] list = AccessList();
        using (HostFile file = HostFile.Open(Target, StorageAccess.Write))
        {
            Set(file, "user.note", Encoding.UTF8.GetBytes("of the virtual machine"));
            Set(file, "security.capability", [0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            Assert.Equal(0, LinuxNative.FChOwn(file.Handle, Owner, Owner + 1));
            Assert.Equal(0, LinuxNative.FChMod(file.Handle, 0b110_000_000));
            Set(file, "system.posix_acl_access", list);
        }

        var warnings = new LoggedWarnings();
        ulong before = Status(Target).Inode;
        if (converts)
            ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = Target, Force = true, Verify = true }, logger: warnings.Logger);
        else
            CreateImage.Run(new CreateImageOptions { Path = Target, Size = Size, Force = true }, logger: warnings.Logger);

        LinuxNative.FileStatus status = Status(Target);
        Assert.NotEqual(before, status.Inode);
        Assert.Equal((Owner, Owner + 1, 0b110_110_000), (status.User, status.Group, status.Mode & 0xfff));
        using HostFile replaced = HostFile.Open(Target, StorageAccess.Read);
        Assert.Equal("of the virtual machine", Encoding.UTF8.GetString(Get(replaced, "user.note")!));
        Assert.Equal(list, Get(replaced, "system.posix_acl_access"));
        // It was about the old contents.
        Assert.Null(Get(replaced, "security.capability"));
        Assert.Empty(warnings.Messages);
    }

    [Fact]
    public void A_file_of_somebody_else_becomes_ours_and_no_more_readable_than_it_was()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root gives files away");
        TestImage.Create(Target, Size);
        using (HostFile file = HostFile.Open(Target, StorageAccess.Write))
        {
            Assert.Equal(0, LinuxNative.FChOwn(file.Handle, Owner, Owner));
            Assert.Equal(0, LinuxNative.FChMod(file.Handle, 0b110_110_110));
        }

        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0b111_111_111);
        string secret = TestImage.Create(_folder["secret.qed"], Size);
        File.SetUnixFileMode(secret, UnixFileMode.None);
        var warnings = new LoggedWarnings();
        OtherUser.Run(secret, () => CreateImage.Run(new CreateImageOptions { Path = Target, Size = Size, Force = true }, logger: warnings.Logger));
        Assert.Contains(warnings.Messages, message => message.Contains("could not keep", StringComparison.Ordinal) && message.Contains("owner, group", StringComparison.Ordinal));
        Assert.Equal(0b110_110_110, Status(Target).Mode & 0xfff);
    }

    [Theory]
    [InlineData(0b110_110_000, 0b110_000_000)]
    [InlineData(0b110_110_100, 0b110_100_100)]
    public void A_group_that_cannot_be_kept_takes_its_rights_with_it(int before, int after)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root gives files away");
        // The old file is looked at while it is still ours to look at, the new one made by somebody who may give nothing away.
        TestImage.Create(Target, Size);
        KeptAttributes attributes;
        using (HostFile file = HostFile.Open(Target, StorageAccess.Write))
        {
            Assert.Equal(0, LinuxNative.FChOwn(file.Handle, Owner, Owner));
            Assert.Equal(0, LinuxNative.FChMod(file.Handle, (uint)before));
            attributes = KeptAttributes.Of(file)!;
        }

        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0b111_111_111);
        string secret = TestImage.Create(_folder["secret.qed"], Size);
        File.SetUnixFileMode(secret, UnixFileMode.None);
        string path = _folder["new"];
        OtherUser.Run(secret, () =>
        {
            using HostFile file = HostFile.Create(path, path, new NewFilePrivacy { IsPrivate = true });
            Assert.Equal(["owner", "group"], attributes.GiveTo(file));
        });
        Assert.Equal(after, Status(path).Mode & 0xfff);
    }

    [Fact]
    public void Further_names_of_a_file_that_is_replaced_are_said_to_lead_to_the_old_one()
    {
        TestImage.Create(Target, Size);
        byte[] old = File.ReadAllBytes(Target);
        Link.Hard(_folder["second.qed"], Target);
        Link.Hard(_folder["third.qed"], Target);
        var warnings = new LoggedWarnings();
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = Target, Force = true }, logger: warnings.Logger);
        Assert.Contains("2 other names", Assert.Single(warnings.Messages), StringComparison.Ordinal);
        Assert.Equal(old, File.ReadAllBytes(_folder["second.qed"]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_stays_and_what_it_names_is_written(bool exists)
    {
        Directory.CreateDirectory(_folder["far/away"]);
        string real = _folder["far/real.qed"];
        if (exists)
            TestImage.Create(real, Size);
        // By way of a second link, and of a folder that is one itself: "..", behind it, is not the folder of its name.
        Link.Symbolic(_folder["folder"], "far/away");
        Link.Symbolic(_folder["middle"], "folder/../real.qed");
        Link.Symbolic(Target, _folder["middle"]);
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = Target, Force = exists, Verify = true });
        Assert.Equal(_folder["middle"], new FileInfo(Target).LinkTarget);
        Assert.Equal("folder/../real.qed", new FileInfo(_folder["middle"]).LinkTarget);
        Assert.Equal(File.ReadAllBytes(Source), TestImage.ReadAll(real));
        Assert.Equal(["away", "real.qed"], Directory.GetFileSystemEntries(_folder["far"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_link_is_followed_only_with_the_users_word_and_only_to_a_folder_that_is_there()
    {
        string real = TestImage.Create(_folder["real.qed"], Size);
        Fingerprint before = Fingerprint.Of(real);
        Link.Symbolic(Target, "real.qed");
        Fails.With(ErrorKind.ImageExists, real, () => CreateImage.Run(new CreateImageOptions { Path = Target, Size = Size }));
        before.AssertUntouched();
        Link.Symbolic(_folder["nowhere.qed"], "missing/image.qed");
        Fails.With(ErrorKind.ImageNotFound, "leads to 'missing/image.qed'", () => CreateImage.Run(new CreateImageOptions { Path = _folder["nowhere.qed"], Size = Size }));
        Link.Symbolic(_folder["round.qed"], "about.qed");
        Link.Symbolic(_folder["about.qed"], "round.qed");
        DiskImageException error = Assert.Throws<DiskImageException>(() => CreateImage.Run(new CreateImageOptions { Path = _folder["round.qed"], Size = Size, Force = true }));
        Assert.Equal(_folder["round.qed"], error.Path);
    }

    [Theory]
    [InlineData("pipe", "a named pipe")]
    [InlineData("folder", "a folder")]
    [InlineData("/dev/null", "a character device")]
    public void What_is_neither_file_nor_block_device_is_refused_by_name(string name, string description)
    {
        Assert.Equal(0, Qemu.Run("mkfifo", _folder["pipe"]).ExitCode);
        Directory.CreateDirectory(_folder["folder"]);
        Link.Symbolic(_folder["link"], Path.Combine(_folder.Path, name));
        foreach (string path in new[] { Path.Combine(_folder.Path, name), _folder["link"] })
        {
            Fails.With(ErrorKind.ImageExists, description, () => CreateImage.Run(new CreateImageOptions { Path = path, Size = Size, Force = true }));
            Fails.With(ErrorKind.ImageExists, description, () => ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = path, Format = "raw", Force = true }));
        }
    }

    [Fact]
    public void While_it_is_written_a_new_image_has_no_name()
    {
        string[] seen = [];
        var logger = new CallbackLogger((_, message) =>
        {
            if (message.StartsWith("Copied ", StringComparison.Ordinal))
                seen = Directory.GetFileSystemEntries(_folder.Path);
        });
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = Target, Verify = true }, logger: logger);
        Assert.SkipWhen(seen.Any(path => path.EndsWith(".partial", StringComparison.Ordinal)), "this file system has no files without names");
        Assert.Equal(Source, Assert.Single(seen));
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = Target, Force = true, Verify = true }, logger: logger);
        Assert.Equal([Source, Target], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_earlier_runs_have_left_is_removed_unless_it_is_held()
    {
        File.WriteAllText(_folder["target.qed.0123abcd.partial"], "left");
        foreach (string other in new[] { "target.qed.0123abcX.partial", "target.qed.partial", "other.qed.0123abcd.partial", "target.qed.0123abcd.partial.bak" })
            File.WriteAllText(_folder[other], "somebody else's");
        var warnings = new LoggedWarnings();
        using (HostFile held = HostFile.Create(_folder["target.qed.89abcdef.partial"]))
        {
            Leftovers.Clear(Target, warnings.Logger);
            Assert.Contains("target.qed.0123abcd.partial", Assert.Single(warnings.Messages), StringComparison.Ordinal);
            Assert.True(File.Exists(held.Path));
        }

        Assert.False(File.Exists(_folder["target.qed.0123abcd.partial"]));
        Assert.Equal(4 + 2, Directory.GetFiles(_folder.Path).Length);
    }

    [Fact]
    public void The_extents_of_an_old_image_go_with_it_and_nothing_else_that_it_names()
    {
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Subformat = Subformat.Fixed });
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Subformat = Subformat.Fixed, Force = true, Verify = true });
        AssertOnly("o-flat.1.vmdk", "o.vmdk", "source.raw");
        Assert.Equal(File.ReadAllBytes(Source), TestImage.ReadAll(_folder["o.vmdk"]));
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Subformat = Subformat.Fixed, Force = true });
        AssertOnly("o-flat.vmdk", "o.vmdk", "source.raw");

        // A descriptor may name whatever it likes.
        string text = File.ReadAllText(_folder["o.vmdk"]);
        File.WriteAllText(_folder["o.vmdk"], text.Replace("o-flat.vmdk", "precious.vmdk", StringComparison.Ordinal));
        File.Move(_folder["o-flat.vmdk"], _folder["precious.vmdk"]);
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Force = true });
        AssertOnly("o.vmdk", "precious.vmdk", "source.raw");
    }

    [Fact]
    public void An_extent_of_the_old_image_that_is_read_or_in_use_keeps_it_from_being_overwritten()
    {
        ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Subformat = Subformat.Fixed });
        string extent = _folder["o-flat.vmdk"];
        Fails.With(ErrorKind.ImageExists, "same file", () => ConvertImage.Run(
            new ConvertImageOptions { Path = extent, SourceFormat = "raw", DestinationPath = _folder["o.vmdk"], Force = true }));
        using (HostFile.Open(extent, StorageAccess.Write))
            Fails.With(ErrorKind.ImageInUse, extent, () => ConvertImage.Run(new ConvertImageOptions { Path = Source, DestinationPath = _folder["o.vmdk"], Force = true }));
        AssertOnly("o-flat.vmdk", "o.vmdk", "source.raw");
    }

    private static LinuxNative.FileStatus Status(string path) => LinuxStatus.Of(path)!.Value;

    private static void Set(HostFile file, string name, byte[] value)
        => Assert.SkipUnless(LinuxNative.FSetXAttr(file.Handle, LinuxNative.NullTerminated(name), value, value.Length, 0) == 0, $"this file system keeps no {name}");

    private static byte[]? Get(HostFile file, string name)
    {
        byte[] value = new byte[4096];
        nint length = LinuxNative.FGetXAttr(file.Handle, LinuxNative.NullTerminated(name), value, value.Length);
        return length < 0 ? null : value[..(int)length];
    }

    /// <summary>An access list as the system stores it: one more user may read and write, the group may nothing.</summary>
    private static byte[] AccessList()
    {
        (ushort Tag, ushort Rights, uint Id)[] entries = [(1, 6, uint.MaxValue), (2, 6, Owner + 2), (4, 0, uint.MaxValue), (16, 6, uint.MaxValue), (32, 0, uint.MaxValue)];
        byte[] bytes = new byte[4 + (entries.Length * 8)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 2);
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = bytes.AsSpan(4 + (i * 8));
            BinaryPrimitives.WriteUInt16LittleEndian(entry, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], entries[i].Rights);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], entries[i].Id);
        }

        return bytes;
    }

    private void AssertOnly(params string[] names)
        => Assert.Equal(names, Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
}
