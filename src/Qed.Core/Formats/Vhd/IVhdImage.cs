namespace Qed.Formats.Vhd;

/// <summary>An open VHD of any type, on which a differencing one may rest.</summary>
internal interface IVhdImage
{
    /// <summary>The footer, with the id that the children know it by.</summary>
    VhdFooter Footer { get; }

    /// <summary>When its file was last written, as the format counts it; null where nobody tells.</summary>
    uint? LastWritten { get; }
}
