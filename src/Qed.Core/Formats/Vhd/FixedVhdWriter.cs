using System;
using Qed.Storage;

namespace Qed.Formats.Vhd;

/// <summary>Fills a fixed VHD: the guest's bytes, then the footer.</summary>
internal sealed class FixedVhdWriter(BlockStorage target, VhdFooter footer) : FlatImageWriter(target, footer.CurrentSize)
{
    public override void Complete()
    {
        Span<byte> bytes = stackalloc byte[VhdFooter.Size];
        footer.Write(bytes);
        Target.Write(footer.CurrentSize, bytes);
        base.Complete();
    }
}
