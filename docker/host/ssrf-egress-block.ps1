<#
.SYNOPSIS
    Puts the egress proxy between the MCP tools and everything else on Docker Desktop, and proves it.
.DESCRIPTION
    Docker Desktop keeps its packet filter inside its own virtual machine, so the host rules of ssrf-egress-block.sh can not
    be set from Windows. The sidecar does the same work from inside Docker: the tools' network has no other way out. This
    script checks the engine, lays compose.override.yml beside the stack's compose file, starts the stack, and runs the
    probe from a tool's seat: its table says what is open.

    Exit codes: 0 nothing is open but the proxy, 1 the probe found something, 2 a step failed. A failed step leaves the
    files of the stack as they were, and starts again what ran before.
.PARAMETER StackDir
    The folder of the stack's compose file. Default: the current folder.
.PARAMETER ProxyDir
    The folder of mcp-egress-proxy. Default: two folders above this script.
.PARAMETER DryRun
    Says what would be done, and does nothing.
.PARAMETER Probe
    Only looks: runs the probe from a tool's seat of the stack that runs.
.PARAMETER Remove
    Takes the override away again and starts the stack without it: its tools then have every way out.
.PARAMETER Wsl
    Hands over to ssrf-egress-block.sh inside WSL, for an engine that runs in a WSL distribution of yours (not for Docker
    Desktop, whose engine has a distribution of its own).
.PARAMETER Distribution
    With -Wsl: the distribution. Default: that of WSL.
.PARAMETER Subnet
    With -Wsl: the tools' subnets. Default: asked of Docker.
.EXAMPLE
    .\ssrf-egress-block.ps1 -StackDir C:\ai-toolkit -DryRun
.EXAMPLE
    powershell -ExecutionPolicy Bypass -File .\ssrf-egress-block.ps1 -StackDir C:\ai-toolkit
#>
[CmdletBinding(DefaultParameterSetName = 'Sidecar')]
param(
    [Parameter(ParameterSetName = 'Sidecar')]
    [string] $StackDir = (Get-Location).Path,

    [Parameter(ParameterSetName = 'Sidecar')]
    [string] $ProxyDir = '',

    [switch] $DryRun,

    [Parameter(ParameterSetName = 'Sidecar')]
    [switch] $Probe,

    [switch] $Remove,

    [Parameter(ParameterSetName = 'Wsl', Mandatory = $true)]
    [switch] $Wsl,

    [Parameter(ParameterSetName = 'Wsl')]
    [string] $Distribution = '',

    [Parameter(ParameterSetName = 'Wsl')]
    [string[]] $Subnet = @()
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$OverrideName = 'compose.override.yml'
$ComposeNames = @('compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml')
$OtherOverrideNames = @('compose.override.yaml', 'docker-compose.override.yml', 'docker-compose.override.yaml')
$EnvMark = '# written by ssrf-egress-block.ps1'
# After the mark: the line before ours had no end.
$EnvJoin = ' after a line without an end'
# Latin 1.
$Octets = [System.Text.Encoding]::GetEncoding(28591)

# Compose 2.24.4 is the first with "!override" for networks.
$LeastCompose = [version] '2.24.4'
# Older engines answer DNS for names outside from an internal network (CVE-2024-29018).
$LeastEngine = [version] '26.0.0'

function Invoke-Main {
    if ($Wsl) { return Invoke-WslScript }
    $stack = (Resolve-Path -LiteralPath $StackDir).Path
    $proxy = Find-ProxyDir
    $composeFile = Find-ComposeFile $stack
    Write-Step "stack: $composeFile"
    Test-Docker
    if ($Probe) { return Invoke-Probe $stack }
    if ($Remove) { return Uninstall-Sidecar $stack $proxy }
    Install-Sidecar $stack $proxy $composeFile
    return Invoke-Probe $stack
}

function Install-Sidecar([string] $stack, [string] $proxy, [string] $composeFile) {
    $source = Join-Path $proxy $OverrideName
    $target = Join-Path $stack $OverrideName
    Test-OtherOverride $stack
    if ($source -eq $target) { Invoke-Compose $stack @('up', '-d', '--build', '--remove-orphans'); return }
    if ((Test-Path -LiteralPath $target) -and -not (Test-Ours $source $target)) {
        throw "$target is there already and is not ours. Name both files instead: docker compose -f $composeFile -f $target -f $source up -d"
    }
    Test-Config $stack $composeFile $source $proxy
    $envFile = Join-Path $stack '.env'
    $before = @{ $target = (Read-Byte $target); $envFile = (Read-Byte $envFile) }
    $wasUp = Test-Up $stack
    try {
        Write-Step "copy $source to $target"
        if (-not $DryRun) { Copy-Item -LiteralPath $source -Destination $target -Force }
        Add-EnvLine $envFile $proxy
        Invoke-Compose $stack @('up', '-d', '--build', '--remove-orphans')
    }
    catch {
        Undo-Change $stack $before $wasUp
        throw
    }
}

function Uninstall-Sidecar([string] $stack, [string] $proxy) {
    $source = Join-Path $proxy $OverrideName
    $target = Join-Path $stack $OverrideName
    if ($source -eq $target) { throw "$target belongs to mcp-egress-proxy itself: there is nothing to take away" }
    if ((Test-Path -LiteralPath $target) -and -not (Test-Ours $source $target)) { throw "$target is not ours: it stays" }
    $envFile = Join-Path $stack '.env'
    $before = @{ $target = (Read-Byte $target); $envFile = (Read-Byte $envFile) }
    $wasUp = Test-Up $stack
    try {
        if (Test-Path -LiteralPath $target) {
            Write-Step "remove $target"
            if (-not $DryRun) { Write-Byte $target $null }
        }
        Remove-EnvLine $envFile
        if ($wasUp) { Invoke-Compose $stack @('up', '-d', '--remove-orphans') }
    }
    catch {
        Undo-Change $stack $before $wasUp
        throw
    }
    Write-Step 'done: the tools have every way out again'
    return 0
}

# What the stack's files held, and what ran, before a step failed.
function Undo-Change([string] $stack, [hashtable] $before, [bool] $wasUp) {
    Write-Step 'a step failed: the files are put back as they were'
    if (-not $wasUp) { Restore-Stack $stack @('compose', 'down', '--remove-orphans') }
    foreach ($file in $before.Keys) {
        if (-not $DryRun) { Write-Byte $file $before[$file] }
    }
    if ($wasUp) { Restore-Stack $stack @('compose', 'up', '-d', '--remove-orphans') }
}

# Whatever it ends with: the first failure is what the user has to hear of.
function Restore-Stack([string] $stack, [string[]] $arguments) {
    if (-not $DryRun) { [void] (Invoke-InFolder $stack { Show-Native 'docker' $arguments }) }
}

# The seat of a tool: the same network and the same variables that the gateway gives to every container it starts. Asked of the
# engine, in words and not in JSON: Windows PowerShell refuses JSON whose names differ in case only, as http_proxy and HTTP_PROXY do.
function Invoke-Probe([string] $stack) {
    if ($DryRun) {
        Write-Step 'then run: docker run --rm --network TOOLS_NETWORK -e HTTP_PROXY=... EGRESS_PROXY_IMAGE probe'
        return 0
    }
    $container = [string] (Invoke-InFolder $stack { Invoke-Native 'docker' @('compose', 'ps', '-q', 'egress-proxy') } | Select-Object -First 1)
    if (-not $container) { throw 'no sidecar runs in this stack: run this script without -Probe first' }
    $image = [string] (Invoke-Native 'docker' @('inspect', '--format', '{{.Config.Image}}', $container) | Select-Object -First 1)
    $network = Find-ToolsNetwork $container
    $variables = @()
    foreach ($name in @('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')) {
        $variables += @('-e', "$name=http://egress-proxy:3128")
    }
    foreach ($name in @('NO_PROXY', 'no_proxy')) { $variables += @('-e', "$name=localhost,127.0.0.1,::1") }
    Write-Step "probe from a tool's seat on $network"
    $arguments = @('run', '--rm', '--network', $network) + $variables + @($image, 'probe')
    $code = Show-Native 'docker' $arguments
    if ($code -eq 0) { Write-Step 'done: nothing is open but the proxy'; return 0 }
    if ($code -ne 1) { throw "the probe could not run: docker ended with $code" }
    Write-Step 'the probe found something: the table above says what is open'
    return 1
}

# Of the sidecar's networks the one that Compose calls mcp-tools, and that leads nowhere else.
function Find-ToolsNetwork([string] $container) {
    $format = '{{range $name, $network := .NetworkSettings.Networks}}{{println $name}}{{end}}'
    foreach ($name in @(Invoke-Native 'docker' @('inspect', '--format', $format, $container))) {
        if (-not $name) { continue }
        $about = [string] (Invoke-Native 'docker' @('network', 'inspect', '--format', '{{.Internal}} {{json .Labels}}', $name) | Select-Object -First 1)
        if ($about -match '^true .*com\.docker\.compose\.network.{1,3}mcp-tools\W') { return $name }
    }
    throw 'the sidecar is on no internal network mcp-tools'
}

# "--exec" keeps wsl.exe from handing the words to a shell first. No word holds a double quote: Windows PowerShell loses it.
function Invoke-WslScript {
    $where = @()
    if ($Distribution -ne '') { $where += @('-d', $Distribution) }
    $path = (Join-Path $PSScriptRoot 'ssrf-egress-block.sh').Replace('\', '/')
    $hasWsl = $null -ne (Get-Command 'wsl.exe' -ErrorAction SilentlyContinue)
    if (-not $hasWsl -and -not $DryRun) { throw 'wsl.exe is not on this machine' }
    if ($hasWsl) { $path = [string] (Invoke-Native 'wsl.exe' ($where + @('--exec', 'wslpath', '-a', $path)) | Select-Object -First 1) }
    $words = $where + @('-u', 'root', '--exec', 'bash', $path)
    if ($DryRun) { $words += '--dry-run' }
    if ($Remove) { $words += '--remove' }
    $words += $Subnet
    Write-Step "wsl.exe $($words -join ' ')"
    if (-not $hasWsl) { return 0 }
    return Show-Native 'wsl.exe' $words
}

function Find-ProxyDir {
    $folder = $ProxyDir
    if ($folder -eq '') { $folder = Split-Path -Parent (Split-Path -Parent $PSScriptRoot) }
    $folder = (Resolve-Path -LiteralPath $folder).Path
    if (-not (Test-Path -LiteralPath (Join-Path $folder $OverrideName))) { throw "$folder has no ${OverrideName}: give -ProxyDir" }
    return $folder
}

function Find-ComposeFile([string] $stack) {
    foreach ($name in $ComposeNames) {
        $file = Join-Path $stack $name
        if (Test-Path -LiteralPath $file) { return $file }
    }
    throw "$stack has no compose file ($($ComposeNames -join ', ')): give -StackDir"
}

function Test-Docker {
    if (-not (Get-Command 'docker' -ErrorAction SilentlyContinue)) {
        if ($DryRun) { Write-Step 'docker is not on this machine: its version was not checked'; return }
        throw 'docker is not on this machine'
    }
    $engine = ConvertTo-Version (Invoke-Native 'docker' @('version', '--format', '{{.Server.Version}}'))
    $compose = ConvertTo-Version (Invoke-Native 'docker' @('compose', 'version', '--short'))
    Write-Step "engine $engine, compose $compose"
    if ($compose -lt $LeastCompose) { throw "Compose $compose is too old: $LeastCompose or newer is needed" }
    if ($engine -lt $LeastEngine) {
        Write-Warning "Engine ${engine}: before $LeastEngine an internal network may answer DNS for names outside (CVE-2024-29018)"
    }
}

# Compose reads one override by itself, the first one that it finds; and none where COMPOSE_FILE names the files.
function Test-OtherOverride([string] $stack) {
    foreach ($name in $OtherOverrideNames) {
        if (Test-Path -LiteralPath (Join-Path $stack $name)) {
            throw "$name is there: Compose would not read both. Name the files: docker compose -f COMPOSE_FILE -f $name -f $OverrideName up -d"
        }
    }
    $named = @(Read-Line (Join-Path $stack '.env') | Where-Object { $_ -match '^\s*(export\s+)?COMPOSE_FILE\s*=' })
    if ($named.Count -gt 0 -or $env:COMPOSE_FILE) { throw "COMPOSE_FILE is set: add $OverrideName to it instead" }
}

# Before anything is changed: what Compose makes of both files. Its own words say what is wrong with them.
function Test-Config([string] $stack, [string] $composeFile, [string] $source, [string] $proxy) {
    if ($DryRun -and -not (Get-Command 'docker' -ErrorAction SilentlyContinue)) { return }
    $kept = $env:EGRESS_PROXY_DIR
    try {
        if (-not $kept) { $env:EGRESS_PROXY_DIR = $proxy }
        $code = Invoke-InFolder $stack { Show-Native 'docker' @('compose', '-f', $composeFile, '-f', $source, 'config', '--quiet') }
    }
    finally { $env:EGRESS_PROXY_DIR = $kept }
    if ($code -ne 0) { throw "Compose cannot read $composeFile together with $source (it ended with $code)" }
}

function Test-Up([string] $stack) {
    if ($DryRun -and -not (Get-Command 'docker' -ErrorAction SilentlyContinue)) { return $false }
    return @(Invoke-InFolder $stack { Invoke-Native 'docker' @('compose', 'ps', '-q') } | Where-Object { $_ -ne '' }).Count -gt 0
}

# The override finds its files by EGRESS_PROXY_DIR. A line that is there already is the operator's. What stands in the file stays as
# it is, byte for byte: only a missing end of its last line is added, and the mark says so.
function Add-EnvLine([string] $envFile, [string] $proxy) {
    if (@(Read-Line $envFile | Where-Object { $_ -match '^\s*(export\s+)?EGRESS_PROXY_DIR\s*=' }).Count -gt 0) { return }
    if ($proxy.Contains("'")) { throw "$proxy has an apostrophe: write EGRESS_PROXY_DIR into $envFile yourself" }
    $text = Read-Text $envFile
    $newLine = "`n"
    if ($text.Contains("`r`n")) { $newLine = "`r`n" }
    $line = "EGRESS_PROXY_DIR='$($proxy.Replace('\', '/'))' $EnvMark"
    Write-Step "add to ${envFile}: $line"
    if ($text -ne '' -and -not $text.EndsWith("`n")) { $line = "$newLine$line$EnvJoin" }
    $added = (New-Object System.Text.UTF8Encoding($false)).GetBytes("$line$newLine")
    if (-not $DryRun) { Write-Byte $envFile ([byte[]] ($Octets.GetBytes($text) + $added)) }
}

function Remove-EnvLine([string] $envFile) {
    $text = Read-Text $envFile
    $mark = [regex]::Escape($EnvMark)
    $join = [regex]::Escape($EnvJoin)
    $kept = [regex]::Replace($text, "\r?\n[^\r\n]*$mark$join\r?\n", '')
    $kept = [regex]::Replace($kept, "(?m)^[^\r\n]*$mark\r?\n", '')
    if ($kept -eq $text) { return }
    Write-Step "remove EGRESS_PROXY_DIR from $envFile"
    $bytes = $null # nothing else was in it
    if ($kept -ne '') { $bytes = $Octets.GetBytes($kept) }
    if (-not $DryRun) { Write-Byte $envFile $bytes }
}

function Invoke-Compose([string] $stack, [string[]] $arguments) {
    Write-Step "in ${stack}: docker compose $($arguments -join ' ')"
    if ($DryRun) { return }
    $code = Invoke-InFolder $stack { Show-Native 'docker' (@('compose') + $arguments) }
    if ($code -ne 0) { throw "docker compose ended with $code" }
}

function Invoke-InFolder([string] $folder, [scriptblock] $action) {
    Push-Location -LiteralPath $folder
    try { return & $action }
    finally { Pop-Location }
}

# What the program writes to its standard output. Windows PowerShell makes an error of every line on the standard error of a
# program that is redirected, so it is not redirected, and the exit code alone says whether it failed.
function Invoke-Native([string] $program, [string[]] $arguments) {
    $ErrorActionPreference = 'Continue'
    $output = & $program @arguments
    if ($LASTEXITCODE -ne 0) { throw "$program $($arguments -join ' ') ended with $LASTEXITCODE" }
    return $output
}

# Runs the program on this console and returns its exit code.
function Show-Native([string] $program, [string[]] $arguments) {
    $ErrorActionPreference = 'Continue'
    & $program @arguments | Out-Host
    return $LASTEXITCODE
}

function ConvertTo-Version($text) {
    $first = [string] (@($text)[0])
    if ($first -match '(\d+\.\d+\.\d+)') { return [version] $Matches[1] }
    throw "no version in '$first': does Docker run?"
}

# By the first line: a copy of an older release is ours, too.
function Test-Ours([string] $source, [string] $target) {
    return (Read-Line $source | Select-Object -First 1) -ceq (Read-Line $target | Select-Object -First 1)
}

function Read-Line([string] $file) {
    if (Test-Path -LiteralPath $file) { [System.IO.File]::ReadAllLines($file) }
}

# One character for each byte, so that what is written back is what was read, in whatever encoding it is.
function Read-Text([string] $file) {
    if (-not (Test-Path -LiteralPath $file)) { return '' }
    return $Octets.GetString([System.IO.File]::ReadAllBytes($file))
}

# The comma keeps PowerShell from taking an array apart.
function Read-Byte([string] $file) {
    if (-not (Test-Path -LiteralPath $file)) { return $null }
    return , [System.IO.File]::ReadAllBytes($file)
}

# The only one, beside a copy, that changes a file; null takes it away.
function Write-Byte([string] $file, $bytes) {
    if ($null -ne $bytes) { [System.IO.File]::WriteAllBytes($file, $bytes) }
    else { [System.IO.File]::Delete($file) }
}

function Write-Step([string] $text) {
    $prefix = 'ssrf-egress-block: '
    if ($DryRun) { $prefix = 'ssrf-egress-block (dry run): ' }
    Write-Information ($prefix + $text) -InformationAction Continue
}

try { exit (Invoke-Main) }
catch {
    [Console]::Error.WriteLine("ssrf-egress-block: $($_.Exception.Message)")
    exit 2
}
