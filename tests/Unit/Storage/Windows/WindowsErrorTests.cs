using System;
using System.Text;
using Qed.Storage;
using Qed.Storage.Windows;
using Xunit;

namespace Qed.Tests.Storage.Windows;

/// <summary>Windows' errors, and its names of what is no file, become the engine's kinds.</summary>
public sealed class WindowsErrorTests
{
    [Theory]
    [InlineData(WindowsError.FileNotFound, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.PathNotFound, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.InvalidDrive, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.InvalidName, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.BadPathName, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.NameTooLong, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.NoNetworkPath, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.NoNetworkName, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.NetworkUnreachable, ErrorKind.ImageNotFound)]
    [InlineData(WindowsError.AccessDenied, ErrorKind.AccessDenied)]
    [InlineData(WindowsError.NetworkAccessDenied, ErrorKind.AccessDenied)]
    [InlineData(WindowsError.WriteProtect, ErrorKind.AccessDenied)]
    [InlineData(WindowsError.IoDevice, ErrorKind.AccessDenied)]
    [InlineData(WindowsError.SharingViolation, ErrorKind.ImageInUse)]
    [InlineData(WindowsError.LockViolation, ErrorKind.ImageInUse)]
    [InlineData(WindowsError.DiskFull, ErrorKind.NotEnoughSpace)]
    [InlineData(WindowsError.HandleDiskFull, ErrorKind.NotEnoughSpace)]
    [InlineData(WindowsError.DiskQuotaExceeded, ErrorKind.NotEnoughSpace)]
    [InlineData(WindowsError.FileTooLarge, ErrorKind.NotEnoughSpace)]
    [InlineData(WindowsError.AlreadyExists, ErrorKind.ImageExists)]
    public void An_error_of_Windows_has_its_kind(int error, ErrorKind kind)
        => Assert.Equal(kind, StorageErrors.Translate(SystemError.OfWindows(error), @"C:\a.qed").Kind);

    [Theory]
    [InlineData(WindowsError.Crc, true)]
    [InlineData(WindowsError.IoDevice, true)]
    [InlineData(WindowsError.NotReady, false)]
    [InlineData(WindowsError.NameDeleted, false)]
    [InlineData(WindowsError.NotConnected, false)]
    public void A_bad_sector_is_not_a_disk_that_is_gone(int error, bool isPlace)
        => Assert.Equal(isPlace, StorageErrors.IsFailedRead(StorageErrors.Translate(SystemError.OfWindows(error), @"C:\a.qed")));

    [Theory]
    [InlineData("NUL", @"\\.\NUL")]
    [InlineData(@"C:\lab\con.qed", @"\\.\con.qed")]
    [InlineData(@"\\.\PhysicalDrive7", @"\\.\PhysicalDrive7")]
    public void The_name_of_a_device_is_one_in_every_folder(string path, string device)
    {
        string full = StorageErrors.FullOnWindows(path, @"C:\lab");
        Assert.Equal(device, full);
        Assert.NotEqual(FileType.Regular, WindowsFile.TypeOf(full, new NoNames()));
        Assert.NotEqual(FileType.None, WindowsFile.TypeOf(full, new NoNames()));
    }

    [Theory]
    [InlineData("a*b.qed", ErrorKind.ImageNotFound)]
    [InlineData("a|b.qed", ErrorKind.ImageNotFound)]
    [InlineData(@"\\server", ErrorKind.ImageNotFound)]
    [InlineData(@"CON\a.qed", ErrorKind.ImageNotFound)]
    [InlineData(@".\a.qed:stream", ErrorKind.UnsupportedFeature)]
    [InlineData(@"C:\lab\a.qed:stream:$DATA", ErrorKind.UnsupportedFeature)]
    public void A_path_that_no_file_has_is_an_error_that_says_so(string path, ErrorKind kind)
    {
        var error = Assert.Throws<DiskImageException>(() => StorageErrors.FullOnWindows(path, @"C:\lab"));
        Assert.Equal(kind, error.Kind);
        Assert.Equal(path, error.Path);
    }

    [Fact]
    public void A_path_of_any_length_is_one()
    {
        string path = @"C:\" + string.Join('\\', new string('a', 200), new string('b', 200), "c.qed");
        Assert.Equal(path, StorageErrors.FullOnWindows(path, @"D:\"));
        Assert.Equal(path, StorageErrors.FullOnWindows(@"\\?\" + path, @"D:\"));
    }

    [Fact]
    public void Those_who_have_a_file_open_are_named_and_we_only_where_nobody_else_has_it()
    {
        var manager = new TwoUsers();
        Assert.Equal("vmwp.exe (process 4711)", LockHolder.DescribeOnWindows(@"C:\a.vhdx", manager, _ => true));
        Assert.Equal(@"C:\a.vhdx", manager.Registered);
        Assert.Equal(1, manager.Ended);
        var nobody = new TwoUsers { ListError = WindowsError.AccessDenied };
        Assert.Equal("this process", LockHolder.DescribeOnWindows(@"C:\a.vhdx", nobody, _ => true));
        // Somebody on another computer, of whom this one's Restart Manager knows nothing.
        Assert.Null(LockHolder.DescribeOnWindows(@"C:\a.vhdx", nobody, _ => false));
    }

    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(0, WindowsError.AccessDenied, 0)]
    [InlineData(0, 0, WindowsError.AccessDenied)]
    public void Where_Windows_does_not_tell_nobody_is_named(int start, int register, int list)
    {
        var manager = new TwoUsers { StartError = start, RegisterError = register, ListError = list };
        Assert.Empty(RestartManager.UsersOf(@"C:\a.vhdx", manager));
        Assert.Equal(start == 0 ? 1 : 0, manager.Ended);
    }

    private sealed class NoNames : IWindowsNames
    {
        public int Move(string from, string to, bool replace) => throw new InvalidOperationException("Nothing is to be renamed.");

        public int Delete(string path) => throw new InvalidOperationException("Nothing is to be removed.");

        public uint? AttributesOf(string path) => throw new InvalidOperationException("A device is not to be asked for its attributes.");
    }

    /// <summary>Another process and this one, of which the second came after the first answer.</summary>
    private sealed class TwoUsers : IRestartManager
    {
        internal int StartError { get; init; }

        internal int RegisterError { get; init; }

        internal int ListError { get; init; }

        internal string? Registered { get; private set; }

        internal int Ended { get; private set; }

        public int Start(out uint session)
        {
            session = 9;
            return StartError;
        }

        public int Register(uint session, string path)
        {
            Registered = path;
            return RegisterError;
        }

        public int List(uint session, Span<byte> processes, out int needed, out int count)
        {
            int room = processes.Length / RestartManager.ProcessSize;
            (needed, count) = (room == 0 ? 1 : 2, Math.Min(room, 2));
            if (ListError != WindowsError.None)
                return ListError;
            if (room < 2)
                return WindowsError.MoreData;
            Write(processes, Environment.ProcessId, "pwsh.exe");
            Write(processes[RestartManager.ProcessSize..], 4711, "vmwp.exe");
            return WindowsError.None;
        }

        public void End(uint session) => Ended++;

        private static void Write(Span<byte> process, int id, string name)
        {
            BitConverter.TryWriteBytes(process, id);
            Encoding.Unicode.GetBytes(name, process[RestartManager.NameAt..]);
        }
    }
}
