using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Qed.Images;
using Qed.Storage;

namespace Qed.Formats.Vhdx;

/// <summary>The parent locator (MS-VHDX 2.6.2.6): which image a differencing one rests on, and the names under which to look for it.</summary>
internal sealed class VhdxParentLocator
{
    private const string LinkageKey = "parent_linkage";
    private const string OtherLinkageKey = "parent_linkage2";
    private const string RelativeKey = "relative_path";
    private const string VolumeKey = "volume_path";
    private const string AbsoluteKey = "absolute_win32_path";
    private const string Structure = "parent locator";
    private const int HeaderSize = 20;
    private const int EntrySize = 12;

    private readonly Dictionary<string, string> _values;

    private VhdxParentLocator(Dictionary<string, string> values) => _values = values;

    /// <summary>What the parent's DataWriteGuid may be: one, or two while a merge into the parent was under way.</summary>
    internal IReadOnlyList<Guid> ParentIds { get; private init; } = [];

    /// <summary>The locator of a new image.</summary>
    /// <param name="parentId">The parent's DataWriteGuid.</param>
    /// <param name="name">The parent's name, relative to the image or a full path.</param>
    /// <param name="imagePath">The full path that the image is to have.</param>
    internal static VhdxParentLocator For(Guid parentId, string name, string imagePath)
    {
        // The order is that of Hyper-V; readers look keys up by name.
        var values = new Dictionary<string, string> { [LinkageKey] = parentId.ToString("B") };
        if (!Path.IsPathRooted(name))
        {
            string relative = name.Replace('/', '\\');
            values[RelativeKey] = relative[0] == '.' ? relative : @".\" + relative;
        }

        // Paths of Linux cannot be said in the terms of Win32; one is stored only where there is no relative name.
        if (HostPlatform.IsWindows)
            values[AbsoluteKey] = AsExtended(StoredName.TryResolve(name, imagePath, out _) ?? name);
        else if (Path.IsPathRooted(name))
            values[AbsoluteKey] = name;
        return new VhdxParentLocator(values) { ParentIds = [parentId] };
    }

    /// <summary>Reads the locator.</summary>
    /// <param name="item">The metadata item's bytes.</param>
    /// <param name="path">The image's file.</param>
    /// <param name="offset">Where the item lies in the file.</param>
    /// <exception cref="DiskImageException">ImageCorrupt; UnsupportedFeature for another kind of parent.</exception>
    internal static VhdxParentLocator Parse(byte[] item, string path, long offset)
    {
        if (item.Length < HeaderSize)
            throw VhdxFault.Corrupt(path, "the parent locator is cut off", Structure, offset, (ulong)item.Length);
        Guid type = VhdxIds.Read(item);
        if (type != VhdxIds.VhdxParent)
            throw VhdxFault.Unsupported(path, $"the image rests on a parent of an unknown kind, {type}", "parent locator field LocatorType", offset);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(item.AsSpan(18));
        if (count > (item.Length - HeaderSize) / EntrySize)
            throw VhdxFault.Corrupt(path, "the parent locator has more entries than it has room for", "parent locator field KeyValueCount", offset + 18, (ulong)count);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            int at = HeaderSize + (i * EntrySize);
            string key = ReadText(item, at, at + 8, path, offset);
            string value = ReadText(item, at + 4, at + 10, path, offset);
            if (values.ContainsKey(key))
                throw VhdxFault.Corrupt(path, $"the parent locator has the key '{key}' twice", Structure, offset + at);
            values.Add(key, value);
        }

        if (!values.ContainsKey(RelativeKey) && !values.ContainsKey(VolumeKey) && !values.ContainsKey(AbsoluteKey))
            throw VhdxFault.Corrupt(path, "the parent locator holds no path", Structure, offset);
        return new VhdxParentLocator(values) { ParentIds = ReadIds(values, path, offset) };
    }

    internal byte[] ToBytes()
    {
        int at = HeaderSize + (_values.Count * EntrySize);
        byte[] bytes = new byte[at + _values.Sum(pair => Encoding.Unicode.GetByteCount(pair.Key + pair.Value))];
        VhdxIds.Write(VhdxIds.VhdxParent, bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(18), (ushort)_values.Count);
        int entry = HeaderSize;
        foreach (KeyValuePair<string, string> pair in _values)
        {
            WriteText(bytes, pair.Key, entry, entry + 8, ref at);
            WriteText(bytes, pair.Value, entry + 4, entry + 10, ref at);
            entry += EntrySize;
        }

        return bytes;
    }

    /// <summary>The parent's names as this host can try them, in the order that the specification asks for.</summary>
    internal BackingReference ToReference()
    {
        string[] stored = new[] { RelativeKey, VolumeKey, AbsoluteKey }
            .Where(_values.ContainsKey)
            .Select(key => key == RelativeKey ? OnThisHost(_values[key]) : _values[key])
            .ToArray();
        // A drive or volume of Windows leads nowhere on Linux: its image may have been brought here with the parent beside it.
        IEnumerable<string> others = stored.Skip(1)
            .Where(name => HostPlatform.IsWindows || name[0] == '/')
            .Concat(stored.Select(FileName))
            .Where(name => name.Length > 0 && name != stored[0])
            .Distinct();
        return new BackingReference(stored[0], "vhdx") { OtherNames = others.ToArray() };
    }

    private static string OnThisHost(string relative) => HostPlatform.IsWindows ? relative : relative.Replace('\\', '/');

    private static string FileName(string name) => name.Substring(name.LastIndexOfAny(['/', '\\']) + 1);

    private static string AsExtended(string fullPath)
        => fullPath.StartsWith(@"\\", StringComparison.Ordinal) ? fullPath : @"\\?\" + fullPath;

    private static Guid[] ReadIds(Dictionary<string, string> values, string path, long offset)
    {
        if (!values.ContainsKey(LinkageKey))
            throw VhdxFault.Corrupt(path, "the parent locator does not say which parent it means: parent_linkage is missing", Structure, offset);
        return new[] { LinkageKey, OtherLinkageKey }
            .Where(values.ContainsKey)
            .Select(key => Guid.TryParse(values[key], out Guid id)
                ? id
                : throw VhdxFault.Corrupt(path, $"the parent locator's {key} is not an identifier", Structure, offset))
            .ToArray();
    }

    private static string ReadText(byte[] item, int offsetField, int lengthField, string path, long itemOffset)
    {
        uint start = BinaryPrimitives.ReadUInt32LittleEndian(item.AsSpan(offsetField));
        int length = BinaryPrimitives.ReadUInt16LittleEndian(item.AsSpan(lengthField));
        if (start == 0 || length == 0 || length % 2 != 0 || start > item.Length - length)
            throw VhdxFault.Corrupt(path, "a key or value of the parent locator is empty, or does not lie within it", "parent locator entry", itemOffset + offsetField, start);
        string text = Encoding.Unicode.GetString(item, (int)start, length).TrimEnd('\0');
        if (text.Length == 0 || text.AsSpan().IndexOf('\0') >= 0)
            throw VhdxFault.Corrupt(path, "a key or value of the parent locator holds a NUL character", "parent locator entry", itemOffset + offsetField, start);
        return text;
    }

    private static void WriteText(byte[] bytes, string text, int offsetField, int lengthField, ref int at)
    {
        int length = Encoding.Unicode.GetBytes(text, 0, text.Length, bytes, at);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offsetField), (uint)at);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(lengthField), checked((ushort)length));
        at += length;
    }
}
