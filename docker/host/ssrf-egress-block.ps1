<#
.SYNOPSIS
    Puts the egress proxy between the MCP tools and everything else on Docker Desktop, and proves it.
.DESCRIPTION
    Docker Desktop keeps its packet filter inside its own virtual machine, so the host rules of ssrf-egress-block.sh can not
    be set from Windows. The sidecar does the same work from inside Docker: the tools' network has no other way out. This
    script checks the engine, lays compose.override.yml beside the stack's compose file, starts the stack, and runs the
    probe from a tool's seat: its table says what is open, and its exit code is the script's.
.PARAMETER StackDir
    The folder of the stack's compose file. Default: the current folder.
.PARAMETER ProxyDir
    The folder of mcp-egress-proxy. Default: two folders above this script.
.PARAMETER DryRun
    Says what would be done, and does nothing.
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
    if ($Remove) { return Uninstall-Sidecar $stack $proxy }
    Install-Sidecar $stack $proxy
    return Invoke-Probe $stack
}

function Install-Sidecar([string] $stack, [string] $proxy) {
    Test-OtherOverride $stack
    $source = Join-Path $proxy $OverrideName
    $target = Join-Path $stack $OverrideName
    if ($source -ne $target) {
        if ((Test-Path -LiteralPath $target) -and -not (Test-Ours $source $target)) {
            throw "$target is there already and is not ours. Name both files instead: docker compose -f COMPOSE_FILE -f $target -f $source up -d"
        }
        Write-Step "copy $source to $target"
        if (-not $DryRun) { Copy-Item -LiteralPath $source -Destination $target -Force }
        Write-EnvLine $stack $proxy
    }
    Invoke-Compose $stack @('up', '-d', '--build', '--remove-orphans')
}

function Uninstall-Sidecar([string] $stack, [string] $proxy) {
    $source = Join-Path $proxy $OverrideName
    $target = Join-Path $stack $OverrideName
    if ($source -eq $target) { throw "$target belongs to mcp-egress-proxy itself: there is nothing to take away" }
    if (Test-Path -LiteralPath $target) {
        if (-not (Test-Ours $source $target)) { throw "$target is not ours: it stays" }
        Write-Step "remove $target"
        if (-not $DryRun) { Remove-Item -LiteralPath $target }
    }
    $envFile = Join-Path $stack '.env'
    $lines = @(Read-Line $envFile)
    $kept = @($lines | Where-Object { -not $_.EndsWith($EnvMark) })
    if ($kept.Count -lt $lines.Count) {
        Write-Step "remove EGRESS_PROXY_DIR from $envFile"
        if (-not $DryRun) { Write-Line $envFile $kept }
    }
    Invoke-Compose $stack @('up', '-d', '--remove-orphans')
    Write-Step 'done: the tools have every way out again'
    return 0
}

# The seat of a tool: the same network and the same variables that the gateway gives to every container it starts.
function Invoke-Probe([string] $stack) {
    if ($DryRun) {
        Write-Step 'then run: docker run --rm --network TOOLS_NETWORK -e HTTP_PROXY=... EGRESS_PROXY_IMAGE probe'
        return 0
    }
    $json = Invoke-InFolder $stack { Invoke-Native 'docker' @('compose', 'config', '--format', 'json') }
    $config = ($json -join "`n") | ConvertFrom-Json
    $network = $config.networks.'mcp-tools'.name
    $image = $config.services.'egress-proxy'.image
    $variables = @()
    foreach ($name in @('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')) {
        $variables += @('-e', "$name=http://egress-proxy:3128")
    }
    foreach ($name in @('NO_PROXY', 'no_proxy')) { $variables += @('-e', "$name=localhost,127.0.0.1,::1") }
    Write-Step "probe from a tool's seat on $network"
    $arguments = @('run', '--rm', '--network', $network) + $variables + @($image, 'probe')
    $code = Show-Native 'docker' $arguments
    if ($code -eq 0) { Write-Step 'done: nothing is open but the proxy' }
    else { Write-Step "the probe ended with ${code}: the table above says what is open" }
    return $code
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
    $named = @(Read-Line (Join-Path $stack '.env') | Where-Object { $_ -match '^\s*COMPOSE_FILE\s*=' })
    if ($named.Count -gt 0 -or $env:COMPOSE_FILE) { throw "COMPOSE_FILE is set: add $OverrideName to it instead" }
}

# The override finds its files by EGRESS_PROXY_DIR. A line that is there already is the operator's.
function Write-EnvLine([string] $stack, [string] $proxy) {
    $envFile = Join-Path $stack '.env'
    $lines = @(Read-Line $envFile)
    if (@($lines | Where-Object { $_ -match '^\s*EGRESS_PROXY_DIR\s*=' }).Count -gt 0) { return }
    $line = "EGRESS_PROXY_DIR='$($proxy.Replace('\', '/'))' $EnvMark"
    Write-Step "add to ${envFile}: $line"
    if (-not $DryRun) { Write-Line $envFile ($lines + $line) }
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

# Without a byte order mark, which Compose would take for a part of the first name.
function Write-Line([string] $file, [string[]] $lines) {
    [System.IO.File]::WriteAllLines($file, $lines, (New-Object System.Text.UTF8Encoding($false)))
}

function Write-Step([string] $text) {
    $prefix = 'ssrf-egress-block: '
    if ($DryRun) { $prefix = 'ssrf-egress-block (dry run): ' }
    Write-Information ($prefix + $text) -InformationAction Continue
}

exit (Invoke-Main)
