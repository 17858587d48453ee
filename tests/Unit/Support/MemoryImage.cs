using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;
using Qed.Targets;
using Qed.Transfer;

namespace Qed.Tests.Support;

/// <summary>An image that is written and read without any file of the host, with the further files that some formats put beside it.</summary>
internal sealed class MemoryImage : ImageTarget, ICompanionFiles
{
    private const string Folder = "/memory/";

    private readonly string _name;
    private readonly Func<BlockStorage> _newFile;
    private readonly Dictionary<string, BlockStorage> _files = [];

    /// <param name="name">The name of its own file.</param>
    /// <param name="newFile">Makes an empty file; null for one in memory.</param>
    internal MemoryImage(string name, Func<BlockStorage>? newFile = null)
    {
        _name = name;
        _newFile = newFile ?? (() => new MemoryStorage());
        Storage = AddCompanion(name).Storage;
    }

    public override string Target => Folder + _name;

    public override BlockStorage Storage { get; }

    internal override (string Name, BlockStorage Storage) AddCompanion(string name)
    {
        _files.Add(name, _newFile());
        return (name, _files[name]);
    }

    /// <summary>What each file is read through.</summary>
    internal Func<BlockStorage, BlockStorage> Reading { get; set; } = storage => storage;

    public BlockStorage? OpenBeside(string name) => Open(name);

    public BlockStorage Open(string path)
        => _files.TryGetValue(Path.GetFileName(path), out BlockStorage? storage) ? Reading(storage)
            : throw new DiskImageException(ErrorKind.ImageNotFound, "no such file", path);

    /// <summary>All files by their names, its own one first, and what they hold.</summary>
    internal IEnumerable<(string Name, byte[] Bytes)> Contents => _files.Select(file => (file.Key, BytesOf(file.Value)));

    /// <summary>Bytes of all files together.</summary>
    internal long Length => _files.Values.Sum(file => file.Length);

    /// <summary>Adds a file of the host.</summary>
    internal void Load(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        BlockStorage storage = Path.GetFileName(path) == _name ? Storage : AddCompanion(Path.GetFileName(path)).Storage;
        storage.Write(0, bytes);
    }

    /// <summary>Writes all files into a folder of the host.</summary>
    /// <returns>The path of the image's own one.</returns>
    internal string Save(TempFolder folder)
    {
        foreach ((string name, BlockStorage storage) in _files)
            File.WriteAllBytes(folder[name], BytesOf(storage));
        return folder[_name];
    }

    /// <summary>Writes a whole disk.</summary>
    internal void Fill(ImageFormat format, byte[] disk, TargetOptions options)
    {
        using var source = new MemoryDisk(disk);
        using ImageWriter writer = format.CreateWriter(this, options);
        new ImageCopier(source, options.BackingImage, writer, options.Size).Run(ProgressMeter.Silent, default);
        writer.Complete();
    }

    /// <summary>Opens what was written.</summary>
    internal DiskImage Read(ImageFormat format, ImageOpenOptions? options = null)
        => format.Open(Open(_name), (options ?? ImageOpenOptions.Default) with { Companions = this });

    internal static byte[] BytesOf(BlockStorage storage)
    {
        byte[] bytes = new byte[storage.Length];
        storage.ReadOrZero(0, bytes);
        return bytes;
    }
}
