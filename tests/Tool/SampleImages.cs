using System;
using System.Buffers.Binary;
using System.IO;
using Qed.Tests.Support;

namespace Qed.Tests.Tool;

/// <summary>Images that QEMU made, of every format and in several states, for all rows of the table to work on.</summary>
public sealed class SampleImages : IDisposable
{
    private readonly TempFolder _folder = new();

    public SampleImages()
    {
        if (!Qemu.IsInstalled)
            return;
        Create("qed", "a.qed", "10M");
        Qemu.IoOk(this["a.qed"], "qed", ["write -P 1 0 100k", "write -P 2 5M 64k", "write -z 8M 64k"]);
        Qemu.ImgOk("create", "-q", "-f", "qed", "-b", "a.qed", "-F", "qed", this["b.qed"], "20M");
        Qemu.IoOk(this["b.qed"], "qed", ["write -P 3 6M 64k"]);
        Qemu.ImgOk("convert", "-O", "raw", this["a.qed"], this["a.raw"]);
        Qemu.ImgOk("convert", "-O", "raw", this["a.qed"], this["longer.raw"]);
        Qemu.ImgOk("resize", "-q", "-f", "raw", this["longer.raw"], "12M");
        Qemu.ImgOk("convert", "-O", "qcow2", this["a.qed"], this["a.qcow2"]);
        Qemu.ImgOk("convert", "-O", "qcow2", "-c", this["a.qed"], this["packed.qcow2"]);
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", this["b.qcow2"]);
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", "compat=0.10", this["old.qcow2"], "1M");
        Qemu.ImgOk("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on,extended_l2=on,refcount_bits=8,compression_type=zstd", this["odd.qcow2"], "1M");
        Qemu.ImgOk("convert", "-O", "vdi", this["a.qed"], this["a.vdi"]);
        Qemu.ImgOk("convert", "-O", "vhdx", this["a.qed"], this["a.vhdx"]);
        Qemu.ImgOk("convert", "-O", "vmdk", this["a.qed"], this["a.vmdk"]);
        Qemu.ImgOk("convert", "-O", "vpc", "-o", "force_size=on", this["a.qed"], this["a.vhd"]);
        Create("qed", "empty.qed", "1G");
        Qemu.ImgOk("create", "-q", "-u", "-f", "qed", "-b", "gone.qed", "-F", "qed", this["orphan.qed"], "1M");
        CopyAnd("leak.qed", file =>
        {
            file.Seek(0, SeekOrigin.End);
            file.Write(new byte[2 * 65536]);
        });
        // The second data cluster's entry points beyond the end of the file.
        CopyAnd("bad.qed", file => WriteNumber(file, ReadNumber(file, ReadNumber(file, 40)) + 8, 0x7000000));
        // NEED_CHECK.
        CopyAnd("dirty.qed", file => WriteNumber(file, 16, 2));
        File.WriteAllText(this["broken.qed"], "this is no image");
    }

    public string Path => _folder.Path;

    private string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();

    private void Create(string format, string name, string size) => Qemu.ImgOk("create", "-q", "-f", format, this[name], size);

    private void CopyAnd(string name, Action<FileStream> change)
    {
        File.Copy(this["a.qed"], this[name]);
        using FileStream file = File.Open(this[name], FileMode.Open);
        change(file);
    }

    private static long ReadNumber(FileStream file, long offset)
    {
        byte[] bytes = new byte[8];
        file.Position = offset;
        file.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes);
    }

    private static void WriteNumber(FileStream file, long offset, long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        file.Position = offset;
        file.Write(bytes);
    }
}
